"""A password is seen by the server that asks for it, and by the program that logs in with it: nowhere else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from psycopg import sql
from runs import Bench, Done, is_message

from dtsrun.postgres.tools import find_tool
from dtsrun.testing.ssh import SshServer, make_key

OWN = uuid4().hex
"""Secrets are other ones in each process of tests: all processes of the machine are looked at."""
SOURCE = f"s3cret of the source's own {OWN}"
TARGET = f"t4rget with 'quotes' and %40 {OWN}"
PASSWORDS = (SOURCE, TARGET)

PASSPHRASE = f"phr4se of the key to the jump host {OWN}"
SSH_PROGRAMS = {"ssh", "sh", "dash", "bash", "busybox", "cat"}
"""The client, the shell that ends it with us, and the one that answers its question."""

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


Shown = set[tuple[str, str, frozenset[str]]]
"""Where secrets were seen: the program, `cmdline` or `environ`, and the secrets."""


@contextmanager
def watched_processes(*secrets: str) -> Iterator[Shown]:
    """Look at the arguments and the environment of all processes of this machine, again and again."""
    shown: Shown = set()
    over = threading.Event()
    known = {int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()}

    def look() -> None:
        while not over.is_set():
            for path in Path("/proc").iterdir():
                if path.name.isdigit() and int(path.name) not in known:
                    _look_at(path, secrets, shown)
            over.wait(0.005)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield shown
    finally:
        over.set()
        thread.join()


def _look_at(process: Path, secrets: tuple[str, ...], shown: Shown) -> None:
    # It may end meanwhile.
    with suppress(OSError):
        program = (process / "exe").readlink().name
        for what in ("cmdline", "environ"):
            text = (process / what).read_bytes()
            if found := frozenset(secret for secret in secrets if secret.encode() in text):
                shown.add((program, what, found))


def by_password(bench: Bench, folder: Path, jump: SshServer) -> dict[str, Any]:
    """A source that the target reaches with a password of the spec, as the subscription needs it."""
    return end(bench.source, {"env": "PG_SOURCE_PASSWORD"})


def by_jump_host(bench: Bench, folder: Path, jump: SshServer) -> dict[str, Any]:
    """A source behind a jump host whose key is locked."""
    known = end(bench.source, {"env": "PG_SOURCE_PASSWORD"})
    key = jump.jump(folder / "key", passphrase={"env": "PHRASE"})
    port = known["access"]["port"]
    return {**known, "access": {"type": "ssh", "host": "127.0.0.1", "port": port, "jump": key}}


Way = Callable[[Bench, Path, SshServer], dict[str, Any]]


@pytest.mark.usefixtures("accounts")
@pytest.mark.parametrize(("engine", "way"), [("subscription", by_password), ("stream", by_jump_host)])
def test_nothing_shows_any_while_changes_are_followed(bench: Bench, tmp_path: Path, engine: str, way: Way) -> None:
    jump = SshServer(tmp_path / "sshd", make_key(tmp_path / "key", PASSPHRASE))
    fill(bench)
    bench.on_source("shop", "alter table public.orders add primary key (id)")
    for on_side in (bench.on_source, bench.on_target):
        # Each statement goes to the log, unless it is kept out.
        on_side(None, "alter role mover set log_statement = 'all'")
        on_side(None, "alter role mover set log_min_duration_statement = 0")
    bench.write("target_password", TARGET)
    path = bench.spec(
        source=way(bench, tmp_path, jump),
        target=end(bench.target, {"file": "target_password"}),
        migration={
            "type": "full_incremental",
            "objects": {"databases": {"shop": {}}},
            "stages": {"incremental": {"engine": engine}},
        },
    )
    given = {"PG_SOURCE_PASSWORD": SOURCE, "PHRASE": PASSPHRASE}
    secrets = (SOURCE, TARGET, PASSPHRASE)
    jump.start()
    try:
        with watched_processes(*secrets) as shown:
            tested = bench.run("test", path, "--quick", **given)
            running = bench.start(path, "--yes", **given)
            assert running.wait_for(is_message("syncing")), running.end().said
            bench.on_source("shop", "insert into public.orders values (101, 'later')")
            asked = bench.run("complete", "move")
            done = running.end()
    finally:
        jump.kill()
    assert (asked.code, done.code) == (0, 0), asked.said + done.said
    assert bench.on_target("shop", "select count(*) as n from public.orders")[0].n == 101
    assert tested.code == 0, tested.said
    assert not any(secret in f"{tested.said}{asked.said}{done.said}{running.seen}" for secret in secrets)
    assert holders(bench, *secrets) == []
    in_logs = [
        (server, secret) for server in ("source", "target") for secret in secrets if secret in log(bench, server)
    ]
    assert in_logs == []
    assert {program for program, what, _ in shown if what == "cmdline"} == set()
    runner = Path(sys.executable).resolve().name
    others = {(program, found) for program, _, found in shown if program != runner}
    locked = {program for program, found in others if found == {PASSPHRASE}}
    assert {program for program, found in others if found == {SOURCE}} == {"pg_dump"}
    assert bool(locked) is (way is by_jump_host)
    assert locked <= SSH_PROGRAMS
    assert {program for program, found in others if TARGET in found} <= {"pg_dump"}
    assert all(len(found) == 1 for _, found in others)


def log(bench: Bench, side: str) -> str:
    """Return what a server wrote, which must be something of ours."""
    text = (getattr(bench, side).folder / "log").read_text(encoding="utf-8")
    assert "statement: " in text
    return text
