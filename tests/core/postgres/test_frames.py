"""Walking over rows finds exactly the boundaries that the headers give, wherever the buffer ends."""

from __future__ import annotations

import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dtsrun.postgres.frames import COPY_DATA, HEADER_BYTES, skip_rows


def message(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack(">I", len(content) + 4) + content


def walked_by_hand(buffer: bytes, end: int) -> tuple[int, int]:
    at = count = 0
    while at + HEADER_BYTES <= end and buffer[at] == COPY_DATA:
        at += 1 + int.from_bytes(buffer[at + 1 : at + HEADER_BYTES], "big")
        count += 1
    return at, count


# Runs of rows of one length, with content that looks like headers.
RUNS = st.lists(st.tuples(st.integers(0, 600), st.integers(1, 200), st.sampled_from([b"d", b"\0", b"x"])), max_size=6)


@settings(max_examples=300, deadline=None)
@given(runs=RUNS, other=st.booleans(), cut=st.integers(0, 400))
@example(runs=[(40, 16, b"x"), (41, 200, b"x")], other=True, cut=0)
@example(runs=[(40, 17, b"x"), (41, 64, b"d")], other=False, cut=3)
def test_ends_where_the_headers_say(runs: list[tuple[int, int, bytes]], other: bool, cut: int) -> None:
    stream = b"".join(message(b"d", fill * length) * times for length, times, fill in runs)
    stream += message(b"N", b"a notice") if other else b""
    end = max(0, len(stream) - cut)
    assert skip_rows(bytearray(stream), 0, end) == walked_by_hand(stream, end)


def test_begins_where_it_is_told() -> None:
    assert skip_rows(bytearray(b"rest of a row" + message(b"d", b"x") + message(b"c", b"")), 13, 24) == (19, 1)
