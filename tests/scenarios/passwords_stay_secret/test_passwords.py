"""A password is seen by the server that asks for it, and by the program that logs in with it: nowhere else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from runs import Bench, Done

from dtsrun.postgres.tools import find_tool

SOURCE = "s3cret of the source's own"
TARGET = "t4rget with 'quotes' and %40"
PASSWORDS = (SOURCE, TARGET)

WATCHED = """\
#!{python}
import json, os, sys
if "--version" not in sys.argv:
    with open({record!r}, "a") as record:
        record.write(json.dumps({{"arguments": sys.argv, "environment": dict(os.environ)}}) + "\\n")
os.execv({program!r}, [{program!r}, *sys.argv[1:]])
"""


@pytest.fixture
def watched(bench: Bench) -> Path:
    """Put a program before pg_dump that records its arguments and environment; return the record."""
    record = bench.folder / "record"
    program = bench.folder / "bin" / "pg_dump"
    program.parent.mkdir()
    program.write_text(
        WATCHED.format(python=sys.executable, record=str(record), program=str(find_tool("pg_dump", at_least=18)))
    )
    program.chmod(0o755)
    return record


@pytest.fixture
def accounts(bench: Bench) -> None:
    """An account on each server, each with a password of its own."""
    for run, password in ((bench.on_source, SOURCE), (bench.on_target, TARGET)):
        run(None, "drop role if exists mover")
        run(None, sql.SQL("create role mover superuser login password {}").format(sql.Literal(password)))


def fill(bench: Bench) -> None:
    bench.on_source(None, "create database shop")
    bench.on_source("shop", "create table public.orders as select g as id, 'x' as what from generate_series(1, 100) g")


def spec(bench: Bench, **objects: Any) -> Path:
    return bench.spec(
        source=end(bench.source, {"env": "SOURCE_PASSWORD"}),
        target=end(bench.target, {"file": "target_password"}),
        migration={"objects": {"databases": {"shop": {}}}, **objects},
    )


def end(server: Any, password: dict[str, str]) -> dict[str, Any]:
    port = int(server.route.parameters["port"])
    access = {"type": "public_network", "host": "127.0.0.1", "port": port, "tls": {"mode": "disable"}}
    return {"type": "postgresql", "access": access, "account": "mover", "password": password}


def run(bench: Bench, *arguments: str | Path, source: str = SOURCE) -> Done:
    bench.write("target_password", TARGET)
    return bench.run(*arguments, SOURCE_PASSWORD=source, DTSRUN_BIN=str(bench.folder / "bin"))


def written(password: str) -> set[str]:
    """Return a password as a file of JSON, a conninfo, SQL or plain text would have it."""
    return {password, json.dumps(password)[1:-1], password.replace("'", "\\'"), password.replace("'", "''")}


def holders(bench: Bench, *passwords: str) -> list[str]:
    """Return the files that a run left and that hold a password, however it may be written."""
    forms = [form.encode() for password in passwords for form in written(password)]
    left = [path for path in (*bench.home.rglob("*"), *bench.temporary.rglob("*")) if path.is_file()]
    assert any(path.name == "journal.sqlite3" for path in left)
    return [str(path) for path in left if any(form in path.read_bytes() for form in forms)]


@pytest.mark.usefixtures("accounts")
def test_a_whole_run_shows_and_keeps_none(bench: Bench, watched: Path) -> None:
    fill(bench)
    path = spec(bench)
    commands = [("test", path), ("check", path), ("plan", path), (path, "--yes"), (path, "--yes"), ("show", "move")]
    for arguments in commands:
        done = run(bench, *arguments)
        assert done.code == 0, done.said
        assert not any(password in done.said for password in PASSWORDS), arguments
    assert holders(bench, *PASSWORDS) == []
    assert bench.on_target("shop", "select count(*) as n from public.orders")[0].n == 100
    calls = [json.loads(line) for line in watched.read_text().splitlines()]
    assert calls
    for call in calls:
        assert not any(password in " ".join(call["arguments"]) for password in PASSWORDS)
        seen = {value for value in call["environment"].values() if value in PASSWORDS}
        mine = SOURCE if f"port={bench.source.route.parameters['port']}" in " ".join(call["arguments"]) else TARGET
        assert seen == {mine}, "the program gets the password of the server that it logs in to, and no other"


@pytest.mark.usefixtures("accounts", "watched")
def test_a_failure_shows_none(bench: Bench) -> None:
    fill(bench)
    path = spec(bench)
    for arguments in (("test", path), ("check", path), (path, "--yes"), (path, "--yes", "--json")):
        done = run(bench, *arguments, source="wr0ng and secret")
        assert done.code in {4, 6}, done.said
        assert "authentication" in done.said
        assert not any(password in done.said for password in (*PASSWORDS, "wr0ng"))
    assert holders(bench, *PASSWORDS, "wr0ng and secret") == []


@pytest.mark.usefixtures("accounts")
def test_what_is_kept_is_for_its_owner_alone(bench: Bench) -> None:
    fill(bench)
    assert run(bench, spec(bench), "--yes").code == 0
    for path in bench.home.rglob("*"):
        if path.is_file():
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or not _can_be_reached(path, bench.home), path


def _can_be_reached(path: Path, home: Path) -> bool:
    """Return whether others may walk to a file below the state folder."""
    folders = [folder for folder in path.parents if folder == home or home in folder.parents]
    return all(folder.stat().st_mode & 0o001 for folder in folders)


def test_a_private_server_gets_no_passwords_of_others(bench: Bench, tmp_path: Path) -> None:
    """Whoever may run programs on it could read them."""
    script = (
        "from pathlib import Path; from dtsrun.postgres.server import PrivateServer;"
        f"s = PrivateServer(Path({str(tmp_path / 'private')!r}), 18); s.start();"
        "pid = int(next(s.folder.glob('data/postmaster.pid')).read_text().split()[0]);"
        "print(Path(f'/proc/{pid}/environ').read_bytes()); s.destroy()"
    )
    environment = {**os.environ, "SOURCE_PASSWORD": SOURCE}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert "PATH=" in done.stdout
    assert "s3cret" not in done.stdout
