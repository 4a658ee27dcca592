"""Runs the real command on real servers, and looks at what it leaves: what all scenarios share."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from compare_ends import differences
from psycopg import sql
from psycopg.pq import ExecStatus

from dtsrun.api import Connection, Route
from dtsrun.engine.undo import drop_subscription
from dtsrun.errors import AccessError
from dtsrun.incremental.slots import drop_slot
from dtsrun.journal import Journal, StepRecord, TaskRecord
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect

SEEDS: Final = Path(__file__).parent / "seeds"
PATIENCE_SECONDS: Final = 120
"""A command that takes longer than this hangs."""

LINK_SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "60",
    "max_prepared_transactions": "5",
    "shared_buffers": "64MB",
}


@dataclass(frozen=True, slots=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """What `--json` wrote, the report as the last."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def said(self) -> str:
        """All that the user could read."""
        return self.out + self.err


@dataclass(slots=True)
class Running:
    """A command at work; its `--json` events are read as they come."""

    process: subprocess.Popen[str]
    seen: list[dict[str, Any]] = field(default_factory=list)

    def wait_for(self, wanted: Callable[[dict[str, Any]], bool], count: int = 1) -> bool:
        """Read events until `count` of them are wanted ones; False if the command ended before. One that goes on for
        ever without them is killed, and has ended then."""
        assert self.process.stdout is not None
        killer = threading.Timer(2 * PATIENCE_SECONDS, self.process.kill)
        killer.start()
        try:
            for line in self.process.stdout:
                self.seen.append(json.loads(line))
                count -= "event" in self.seen[-1] and wanted(self.seen[-1])
                if count <= 0:
                    return True
            return False
        finally:
            killer.cancel()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the command itself."""
        self.process.send_signal(number)

    def children(self, word: str) -> list[int]:
        """Return the process numbers of its children in whose command line a word is."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        numbers = [int(each) for thread in threads for each in thread.read_text(encoding="ascii").split()]
        return [n for n in numbers if word in Path(f"/proc/{n}/cmdline").read_text(encoding="utf-8")]

    def end(self) -> Done:
        """Read the rest and return how it ended."""
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return Done(self.process.returncode, out, err)


class Bench:
    """Two servers, a state folder, and a folder with specs."""

    def __init__(self, source: PrivateServer, target: PrivateServer, folder: Path) -> None:
        self.source = source
        self.target = target
        self.folder = folder
        self.home = folder / "home"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.variables: dict[str, str] = {}
        """Environment of every command."""
        self._started: list[Running] = []

    # --- the command -------------------------------------------------------------------------------------------

    def spec(self, task: str = "move", settings: Mapping[str, Any] | None = None, **changes: Any) -> Path:
        """Write a spec of a full move and return its path; `changes` replace its top-level parts, or parts of those.
        `settings` are parts of the key `task`."""
        document: dict[str, Any] = {
            "dtsrun": 1,
            "task": {"name": task, "retry": {"for": "20s"}, **(settings or {})},
            "source": {"type": "postgresql", "access": {"type": "service", "service": "source"}},
            "target": {"type": "postgresql", "access": {"type": "service", "service": "target"}},
            "migration": {"type": "full", "objects": "entire_instance"},
            "resources": {"copy": 2, "index": 2},
        }
        for part, value in changes.items():
            document[part] = {**document.get(part, {}), **value} if isinstance(value, dict) else value
        return self.write(f"{task}.yaml", yaml.safe_dump(document, sort_keys=False))

    def endpoint(self, server: PrivateServer) -> dict[str, Any]:
        """Return how a spec names a server by its address, so that the other server can reach it too."""
        parameters = server.route.parameters
        self.variables[f"PASSWORD_{parameters['port']}"] = parameters["password"]
        return {
            "type": "postgresql",
            "access": {
                "type": "public_network",
                "host": parameters["host"],
                "port": int(parameters["port"]),
                "tls": {"mode": "disable"},
            },
            "account": parameters["user"],
            "password": {"env": f"PASSWORD_{parameters['port']}"},
        }

    def write(self, name: str, text: str) -> Path:
        """Write a file beside the specs."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def run(self, *arguments: str | Path, home: Path | None = None, **variables: str) -> Done:
        """Run a command to its end."""
        done = subprocess.run(
            self._command(arguments),
            env=self._environment(home, variables),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str | Path, home: Path | None = None, **variables: str) -> Running:
        """Start a command and go on."""
        process = subprocess.Popen(
            self._command((*arguments, "--json")),
            env=self._environment(home, variables),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._started.append(Running(process))
        return self._started[-1]

    def completes(self, running: Running) -> None:
        """Complete a task that follows changes, and see that both ends are equal and nothing is left."""
        asked = self.run("complete", "move")
        assert asked.code == 0, asked.said
        assert running.end().code == 0
        assert self.differences() == []
        assert self.leftovers() == {}

    def most_memory(self, *arguments: str | Path) -> int:
        """Run a command that must end well, and return the most memory that it held, in kilobytes."""
        process = subprocess.Popen(
            self._command(arguments),
            env=self._environment(None, {}),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        status, most = Path(f"/proc/{process.pid}/status"), 0
        while process.poll() is None:
            if found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii")):
                most = max(most, int(found[1]))
            time.sleep(0.02)
        assert process.returncode == 0
        return most

    def close(self) -> None:
        """End what a failed test left running."""
        for running in self._started:
            if running.process.poll() is None:
                running.process.kill()
            running.process.communicate()

    def _command(self, arguments: Sequence[str | Path]) -> list[str]:
        return [sys.executable, "-m", "dtsrun", *map(str, arguments)]

    def _environment(self, home: Path | None, variables: Mapping[str, str]) -> dict[str, str]:
        services = self.folder / "pg_service.conf"
        services.write_text(
            "".join(
                f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in server.route.parameters.items())
                for name, server in (("source", self.source), ("target", self.target))
                if server.is_running
            )
        )
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        return {
            **kept,
            "DTSRUN_HOME": str(home or self.home),
            "PGSERVICEFILE": str(services),
            "TMPDIR": str(self.temporary),
            **self.variables,
            **variables,
        }

    # --- the servers -------------------------------------------------------------------------------------------

    def seed(self, name: str, database: str = "shop") -> None:
        """Create a database on the source and fill it from a file of `seeds/`."""
        self.on_source(None, sql.SQL("create database {}").format(sql.Identifier(database)))
        self.on_source(database, (SEEDS / name).read_text(encoding="utf-8"))

    def seed_slow(self) -> None:
        """Create the small shop with one more table, whose rows the target takes only slowly.

        The table's check naps as long as a setting says, and only the target has that setting.
        """
        self.seed("small_shop.sql")
        self.on_source("shop", (SEEDS / "slow.sql").read_text(encoding="utf-8"))
        self.on_target(None, "alter role all set shop.nap = '0.0002'")

    def hurry(self) -> None:
        """Let the target take all rows quickly from now on, in new sessions."""
        self.on_target(None, "alter role all reset shop.nap")

    def on_source(self, database: str | None, script: str | sql.Composed, *values: Any) -> list[Any]:
        """Run SQL on the source and return its rows."""
        return execute(self.source.route, database, script, *values)

    def on_target(self, database: str | None, script: str | sql.Composed, *values: Any) -> list[Any]:
        """Run SQL on the target and return its rows."""
        return execute(self.target.route, database, script, *values)

    def differences(self, **options: Any) -> list[str]:
        """Return what an independent comparer finds."""
        return differences(self.source.route.conninfo(), self.target.route.conninfo(), **options)

    def databases(self) -> set[str]:
        """Return the names of the target's databases."""
        rows = self.on_target(None, "select datname from pg_database where not datistemplate")
        return {row.datname for row in rows}

    # --- what is left ------------------------------------------------------------------------------------------

    def marks(self) -> dict[tuple[str, str], tuple[Any, ...]]:
        """Return the target's marks of finished steps over all databases: what each step says of its end."""
        query = "select step, epoch, rows, finished_at from _dtsrun.mark where done"
        return {
            (database, row.step): (row.epoch, row.rows, row.finished_at)
            for database in self.databases()
            if self.on_target(database, "select to_regclass('_dtsrun.mark') is not null as found")[0].found
            for row in self.on_target(database, query)
        }

    def memory_left(self) -> list[str]:
        """Return the target's databases that still hold dtsrun's schema."""
        query = "select from pg_namespace where nspname = '_dtsrun'"
        return [database for database in sorted(self.databases()) if self.on_target(database, query)]

    def sessions_left(self) -> list[str]:
        """Return the sessions of dtsrun that are still open on either server, after a moment to end."""
        query = "select application_name as name from pg_stat_activity where application_name like 'dtsrun%%'"
        return list(
            settled(
                lambda: [
                    row.name
                    for server in (self.source, self.target)
                    for row in execute(server.route, None, query + " and pid <> pg_backend_pid()")
                ]
            )
        )

    def slots_left(self) -> list[str]:
        """Return replication slots and published tables on either server."""
        query = "select slot_name::text as name from pg_replication_slots"
        return [row.name for server in (self.source, self.target) for row in execute(server.route, None, query)]

    def files_left(self) -> list[str]:
        """Return what lies in the folders for temporary files: the user's, and those of tasks."""
        folders = [self.temporary, *self.home.glob("tasks/*/tmp")]
        return sorted(str(path.relative_to(self.folder)) for folder in folders for path in folder.rglob("*"))

    def leftovers(self) -> dict[str, list[str]]:
        """Return all that a finished task must not leave behind; empty when it left nothing."""
        left = {
            "schema _dtsrun": self.memory_left(),
            "sessions": self.sessions_left(),
            "slots": self.slots_left(),
            "temporary files": self.files_left(),
        }
        return {what: found for what, found in left.items() if found}

    @contextmanager
    def journal(self) -> Iterator[Journal]:
        """Open the journal."""
        with Journal.open(self.home) as journal:
            yield journal

    def task(self, name: str = "move") -> TaskRecord:
        """Return what the journal knows of a task."""
        with self.journal() as journal:
            task = journal.task(name)
        assert task is not None
        return task

    def steps(self, name: str = "move") -> dict[str, StepRecord]:
        """Return a task's steps by key."""
        with self.journal() as journal:
            return {step.key: step for step in journal.steps(name)}


def execute(route: Route, database: str | None, script: str | sql.Composed, *values: Any) -> list[Any]:
    """Run SQL in a session of its own, as its server's superuser."""
    with connect(route, database) as connection:
        cursor = connection.execute(script.encode() if isinstance(script, str) else script, values or None)
        # Rows without columns (`select from ...`) are rows too, though they have no description.
        is_query = cursor.pgresult is not None and cursor.pgresult.status == ExecStatus.TUPLES_OK
        return cursor.fetchall() if is_query else []


def settled(look: Callable[[], Sequence[Any]], seconds: float = 5.0) -> Sequence[Any]:
    """Return what is seen when nothing is seen any more, or after some seconds."""
    until = time.monotonic() + seconds
    while (seen := look()) and time.monotonic() < until:
        time.sleep(0.05)
    return seen


def eventually(look: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Return the first true thing that is seen."""
    until = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
    return seen


def wipe(route: Route) -> None:
    """Make a server as it was when it was new."""
    with connect(route) as connection:
        _drop_links(route, connection)
        for row in connection.execute("select datname from pg_database where not datistemplate").fetchall():
            if row.datname != "postgres":
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(row.datname)))
        connection.execute("drop schema if exists _dtsrun cascade")
        connection.execute("alter role all reset all")
        _drop_roles(connection)
        for row in connection.execute("select spcname from pg_tablespace where oid > 16383").fetchall():
            connection.execute(sql.SQL("drop tablespace {}").format(sql.Identifier(row.spcname)))


def _drop_links(route: Route, connection: Connection) -> None:
    """Drop the subscriptions and slots that a failed test left."""
    query = "select datname, subname::text as name from pg_subscription s join pg_database d on d.oid = s.subdbid"
    for row in connection.execute(query).fetchall():
        with connect(route, row.datname) as inside:
            drop_subscription(inside, row.name)
    for row in connection.execute("select slot_name::text as name from pg_replication_slots").fetchall():
        drop_slot(connection, row.name)


def _drop_roles(connection: Connection) -> None:
    roles = connection.execute("select rolname from pg_roles where oid > 16383").fetchall()
    names = [sql.Identifier(row.rolname) for row in roles]
    for name in names:
        connection.execute(sql.SQL("drop owned by {} cascade").format(name))
    if names:
        connection.execute(sql.SQL("drop role {}").format(sql.SQL(", ").join(names)))


def is_step(prefix: str = "", state: str = "done") -> Callable[[dict[str, Any]], bool]:
    """Return what tells the event of a step that came into a state."""
    return lambda event: event["event"] == "step" and event["state"] == state and event["step"].startswith(prefix)


def is_message(part: str) -> Callable[[dict[str, Any]], bool]:
    """Return what tells the event of a message."""
    return lambda event: event["event"] == "message" and part in event["text"]


@contextmanager
def server_of_version(version: int) -> Iterator[PrivateServer]:
    """A private server of a version, for one test."""
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-version-"))
    try:
        made = PrivateServer(folder, version, settings=LINK_SETTINGS)
    except AccessError as error:
        folder.rmdir()
        pytest.skip(error.message)
    try:
        made.start()
        yield made
    finally:
        made.destroy()
        shutil.rmtree(folder, ignore_errors=True)
