"""Promises of the texts on disk: what was put comes back, and nothing of it is left lying about."""

from __future__ import annotations

import gc
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from dtsrun import texts
from dtsrun.texts import Texts


def test_what_was_put_comes_back(monkeypatch):
    monkeypatch.setattr(texts, "FLUSHED_BYTES", 10)
    kept = Texts()
    given = [b"", b"abc", b"0123456789" * 3, b"x", b"", "ä\0".encode()]
    places = [kept.put(text) for text in given]
    assert [kept.get(place, len(text)) for place, text in zip(places, given, strict=True)] == given
    place = kept.put(b"later")
    assert kept.get(place, 5) == b"later"


def test_it_has_no_name_and_is_gone_with_its_last_user(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    kept = Texts()
    kept.put(b"a secret" * texts.FLUSHED_BYTES)
    file = kept._file
    assert os.fstat(file).st_size > 0
    assert list(tmp_path.iterdir()) == []
    del kept
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


def test_threads_read_while_it_grows(monkeypatch):
    monkeypatch.setattr(texts, "FLUSHED_BYTES", 100)
    kept = Texts()
    given = [str(n).encode() for n in range(2000)]

    def write_and_read(text: bytes) -> bool:
        return kept.get(kept.put(text), len(text)) == text

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(write_and_read, given))


def test_a_file_that_was_cut_off_is_an_error():
    kept = Texts()
    place = kept.put(b"0123456789")
    kept.get(place, 10)
    os.ftruncate(kept._file, 4)
    with pytest.raises(OSError, match="cut off at 4 bytes"):
        kept.get(place, 10)
