"""Installations are found wherever they lie, and copied where they cannot be run."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dtsrun.errors import AccessError
from dtsrun.postgres import accounts, installations
from dtsrun.postgres.accounts import Account, server_account, system_folder
from dtsrun.postgres.installations import Installation, find_installation, installed_versions, runnable


def make_installation(root: Path, version: int) -> Path:
    """Make what an installation looks like from outside; return its folder of programs."""
    for name in ("bin", "lib", "share/extension"):
        (root / name).mkdir(parents=True)
    (root / "bin" / "postgres").write_text("#!/bin/sh\n")
    (root / "bin" / "postgres").chmod(0o755)
    (root / "share" / "postgres.bki").write_text(f"# PostgreSQL {version}\nrest\n")
    return root / "bin"


@pytest.fixture
def only_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is the only place to look at."""
    monkeypatch.setenv("DTSRUN_SERVERS", str(tmp_path / "servers"))
    monkeypatch.setattr(installations, "embedded_folders", list)
    monkeypatch.setattr(installations, "DISTRIBUTION_FOLDER", tmp_path / "distribution")
    return tmp_path / "servers"


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder of copies of the test's own."""
    monkeypatch.setattr(installations, "system_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "installations"


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everyone may enter; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="dtsrun-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_the_embedded_extra_brings_16_and_18() -> None:
    assert {16, 18} <= set(installed_versions())


def test_folders_of_installations_and_of_packages_are_found(only_here: Path) -> None:
    plain = make_installation(only_here / "pg13", 13)
    package = make_installation(only_here / "pg12" / "native", 12)
    (only_here / "empty" / "bin").mkdir(parents=True)
    assert installed_versions() == {12: package, 13: plain}


def test_a_single_installation_may_be_named_itself(only_here: Path) -> None:
    assert installed_versions() == {}
    assert make_installation(only_here, 14) == installed_versions()[14]


def test_the_distribution_says_its_version_by_its_folder(only_here: Path, tmp_path: Path) -> None:
    make_installation(tmp_path / "distribution" / "15", 15)
    (tmp_path / "distribution" / "15" / "share" / "postgres.bki").unlink()
    found = find_installation(15)
    assert found.bin == tmp_path / "distribution" / "15" / "bin"
    assert not found.is_relocatable


def test_what_the_user_names_goes_before_what_else_is_there(only_here: Path, tmp_path: Path) -> None:
    make_installation(tmp_path / "distribution" / "15", 15)
    named = make_installation(only_here / "mine", 15)
    assert installed_versions()[15] == named


def test_a_missing_version_says_what_there_is(only_here: Path) -> None:
    make_installation(only_here / "pg13", 13)
    with pytest.raises(AccessError, match=r"no server of PostgreSQL 11 .* \(found: 13\)"):
        find_installation(11)


def test_an_installation_that_can_be_run_stays_where_it_is(only_here: Path, cache: Path) -> None:
    make_installation(only_here / "pg13", 13)
    found = find_installation(13)
    assert runnable(found, _self()) is found
    assert not cache.exists()


def test_a_package_gets_its_links_in_a_copy(only_here: Path, cache: Path) -> None:
    root = only_here / "pg16" / "native"
    make_installation(root, 16)
    (root / "lib" / "libpq.so.5.16").write_text("library")
    listed = [{"source": "native/lib/libpq.so.5.16", "target": "native/lib/libpq.so.5"}]
    (root / "pg-symlinks.json").write_text(json.dumps(listed))
    copy = runnable(find_installation(16), _self())
    assert copy.root.is_relative_to(cache)
    assert (copy.root / "lib" / "libpq.so.5").readlink() == Path("libpq.so.5.16")
    assert copy.environment() == {"LD_LIBRARY_PATH": str(copy.root / "lib")}
    assert not (root / "lib" / "libpq.so.5").exists()


def test_a_link_that_leads_out_of_its_package_is_refused(only_here: Path, cache: Path) -> None:
    root = only_here / "pg16" / "native"
    make_installation(root, 16)
    listed = [{"source": "../../../etc/passwd", "target": "native/lib/libpq.so.5"}]
    (root / "pg-symlinks.json").write_text(json.dumps(listed))
    with pytest.raises(AccessError, match="leads out of it"):
        runnable(find_installation(16), _self())
    assert list(cache.iterdir()) == []


def test_early_servers_are_spared_what_they_do_not_know(only_here: Path, cache: Path) -> None:
    for version in (10, 13):
        root = only_here / f"pg{version}"
        make_installation(root, version)
        (root / "share" / "extension" / "hstore.control").write_text(
            "comment = 'x'\ntrusted = true\nrelocatable = true\n"
        )
    copy = runnable(find_installation(10), _self())
    assert (copy.root / "share" / "extension" / "hstore.control").read_text() == "comment = 'x'\nrelocatable = true\n"
    assert "trusted" in (only_here / "pg10" / "share" / "extension" / "hstore.control").read_text()
    assert runnable(find_installation(13), _self()).root == only_here / "pg13"


def test_a_copy_is_made_once_and_anew_when_the_content_changes(only_here: Path, cache: Path) -> None:
    root = only_here / "pg10"
    make_installation(root, 10)
    control = root / "share" / "extension" / "hstore.control"
    control.write_text("trusted = true\n")
    first = runnable(find_installation(10), _self())
    assert runnable(find_installation(10), _self()) == first
    control.write_text("trusted = true\ncomment = 'new'\n")
    # Another process looks anew.
    installations._copied.cache_clear()
    assert runnable(find_installation(10), _self()) != first
    assert len(list(cache.iterdir())) == 2


def test_what_the_account_cannot_enter_is_copied_readable(only_here: Path, cache: Path) -> None:
    root = only_here / "pg13"
    make_installation(root, 13)
    for path in (root, *root.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    copy = runnable(find_installation(13), _stranger())
    assert copy.root.is_relative_to(cache)
    assert all(path.stat().st_mode & 0o004 for path in copy.root.rglob("*"))
    assert os.access(copy.bin / "postgres", os.X_OK)


def test_who_may_enter_is_decided_by_every_folder_on_the_way(open_folder: Path) -> None:
    inner = open_folder / "outer" / "inner"
    inner.mkdir(parents=True)
    assert _stranger().can_enter(inner)
    (open_folder / "outer").chmod(0o711)
    assert _stranger().can_enter(inner)
    assert _stranger().can_pass(open_folder / "outer")
    (open_folder / "outer").chmod(0o700)
    assert not _stranger().can_enter(inner)
    assert _self().can_enter(inner)


@pytest.mark.skipif(os.geteuid() != 0, reason="concerns root")
def test_a_folder_of_somebody_else_is_not_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(accounts, "SYSTEM_FOLDER", tmp_path / "planted")
    (tmp_path / "planted").mkdir()
    os.chown(tmp_path / "planted", 12345, 12345)
    with pytest.raises(AccessError, match="is not ours"):
        system_folder()


@pytest.mark.skipif(os.geteuid() != 0, reason="concerns root")
def test_without_a_place_for_the_system_the_temporary_folder_serves(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(accounts, "SYSTEM_FOLDER", tmp_path / "no" / "such" / "parent")
    monkeypatch.setattr(accounts.tempfile, "gettempdir", lambda: str(tmp_path))
    assert system_folder() == tmp_path / "dtsrun-root"


@pytest.mark.skipif(os.geteuid() != 0, reason="concerns root")
def test_root_without_an_unprivileged_account_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "CANDIDATES", ("no-such-account",))
    with pytest.raises(AccessError, match="cannot run as root, and there is no account no-such-account"):
        server_account()


def test_a_process_without_an_entry_in_the_password_file_is_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts.os, "geteuid", lambda: 4242424)
    account = server_account()
    assert (account.uid, account.name, account.is_other) == (4242424, "4242424", False)


def _self() -> Account:
    return Account(name="me", uid=os.geteuid(), gid=os.getegid(), groups=frozenset())


def _stranger() -> Account:
    return Account(name="stranger", uid=424242, gid=424242, groups=frozenset({424242}))


def test_the_programs_of_a_plain_installation_need_nothing(tmp_path: Path) -> None:
    assert Installation(major=16, bin=make_installation(tmp_path, 16)).environment() == {}


def test_a_copy_of_a_wheels_installation_finds_the_libraries_beside_its_package(tmp_path):
    package = installations.embedded_folders()[0].parent
    copy = installations._copied(package, 16, tmp_path / "cache")
    said = subprocess.run([copy / "bin" / "initdb", "--version"], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "initdb (PostgreSQL)" in said.stdout
