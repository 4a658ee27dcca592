"""Measures how changes are followed under `pgbench -c 8`: load on the source, lag, and the time until it is gone.

    python3 bench/incremental.py                             # ten minutes for each contender
    python3 bench/incremental.py --seconds 20 --scale 10     # three minutes in all

Contenders: `none` (nobody follows), `plain` (a subscription made by hand), and the engines `subscription` and `stream`.
Each has two private servers of its own making, fsync on, and the same course: pgbench writes from the slot on; after a
quarter of the time, which stands for the copy, the contender begins and has that backlog to work off while pgbench goes
on. Servers and pgbench share one machine, so that the work on the target takes from the source here too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

from psycopg import sql

from dtsrun.api import Engine, Link, LinkTable, Route
from dtsrun.postgres.accounts import server_account
from dtsrun.postgres.installations import find_installation
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeEngineContext
from dtsrun_plugins.engines.stream import Stream
from dtsrun_plugins.engines.subscription import Subscription

SETTINGS: Final = {
    "wal_level": "logical",
    "shared_buffers": "256MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "max_connections": "100",
}
NAME: Final = "bench"
TABLES: Final = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history")
CLIENTS: Final = 8
TICK_SECONDS: Final = 0.25
CAUGHT_UP_BYTES: Final = 256 * 1024
"""Nothing is left but what is written between two looks."""


class Course:
    """One contender's course between two fresh servers."""

    def __init__(self, context: FakeEngineContext, engine: Engine | None, start: Callable[[Link], None] | None) -> None:
        self._context = context
        self._engine = engine
        self._start = start
        self._source = context.source(NAME)
        self._target = context.target(NAME)

    def run(self, writer: Callable[[float], subprocess.Popen[str]], seconds: float) -> Mapping[str, Any]:
        """Return the figures."""
        link = self._link()
        pgbench = writer(seconds)
        time.sleep(seconds / 4)
        figures: dict[str, Any] = {}
        if self._engine is not None or self._start is not None:
            figures["backlog_bytes"] = self._lag(link)
            self._begin(link)
            figures |= self._watch(link, pgbench)
        said, _ = pgbench.communicate()
        figures["tps"] = float(re.findall(r"tps = ([0-9.]+)", said)[-1])
        if "backlog_bytes" in figures:
            ended = time.monotonic()
            while self._lag(link):
                time.sleep(0.02)
            figures["seconds_to_zero_after_the_end"] = round(time.monotonic() - ended, 2)
            figures["is_equal"] = self._digest(self._source) == self._digest(self._target)
        return figures

    def _begin(self, link: Link) -> None:
        if self._engine is not None:
            self._engine.start(self._context, link)
        elif self._start is not None:
            self._start(link)

    def _watch(self, link: Link, pgbench: subprocess.Popen[str]) -> Mapping[str, Any]:
        began, caught_up, lags, applied = time.monotonic(), None, [], []
        while pgbench.poll() is None:
            lag = self._lag(link)
            now = time.monotonic() - began
            if caught_up is None and lag < CAUGHT_UP_BYTES:
                caught_up = now
            if caught_up is None:
                applied.append(self._transactions())
            else:
                lags.append(lag)
            time.sleep(TICK_SECONDS)
        figures: dict[str, Any] = {"seconds_until_caught_up": caught_up and round(caught_up, 2)}
        if len(applied) > 1:
            figures["transactions_applied_a_second_while_behind"] = round(
                (applied[-1] - applied[0]) / ((len(applied) - 1) * TICK_SECONDS)
            )
        if lags:
            figures |= {"lag_bytes_median": median(lags), "lag_bytes_most": max(lags)}
        return figures

    def _link(self) -> Link:
        """Publish the tables and make the slot, then bring the target to where it begins."""
        tables = sql.SQL(", ").join(sql.Identifier("public", name) for name in TABLES)
        self._source.execute(sql.SQL("create publication {} for table {}").format(sql.Identifier(NAME), tables))
        slot = self._source.execute(
            "select lsn::text as lsn from pg_create_logical_replication_slot(%s, 'pgoutput')", [NAME]
        ).fetchone()
        return Link(
            name=NAME,
            database=NAME,
            epoch=1,
            publications=(NAME,),
            start_lsn=parse_lsn(slot.lsn),
            tables=tuple(LinkTable(oid=n, schema="public", name=name) for n, name in enumerate(TABLES, 1)),
        )

    def _lag(self, link: Link) -> int:
        position = parse_lsn(self._source.execute("select pg_current_wal_flush_lsn()::text as lsn").fetchone().lsn)
        if self._engine is not None:
            applied = self._engine.status(self._context, link).applied or link.start_lsn
        else:
            query = "select confirmed_flush_lsn::text as lsn from pg_replication_slots where slot_name = %s"
            applied = parse_lsn(self._source.execute(query, [NAME]).fetchone().lsn)
        return max(0, position - applied)

    def _transactions(self) -> int:
        return int(self._target.execute("select count(*) as n from public.pgbench_history").fetchone().n)

    def _digest(self, connection: Any) -> Any:
        return connection.execute(
            "select (select sum(abalance) from public.pgbench_accounts), (select count(*) from public.pgbench_history),"
            " (select sum(bbalance) from public.pgbench_branches)"
        ).fetchone()


def measure(contender: str, version: int, scale: int, seconds: float, folder: Path) -> Mapping[str, Any]:
    """Return a contender's figures."""
    program = find_installation(version).bin / "pgbench"
    pgbench = str(program) if program.exists() else "pgbench"
    with ExitStack() as stack:
        servers = [PrivateServer(folder / f"{contender}-{side}", version, settings=SETTINGS) for side in "st"]
        for server in servers:
            stack.callback(server.destroy)
            server.start()
            with connect(server.route) as connection:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(NAME)))
            subprocess.run([pgbench, "-q", "-i", "-s", str(scale)], env=_environment(server.route), check=True,
                           capture_output=True)  # fmt: skip
        source, target = (server.route for server in servers)
        context = stack.enter_context(FakeEngineContext(source=source, target=target, databases={NAME: NAME}))
        engine = {"subscription": Subscription, "stream": Stream}.get(contender)
        made = engine() if engine else None
        course = Course(context, made, (lambda link: _plain(context, link)) if contender == "plain" else None)

        def write(length: float) -> subprocess.Popen[str]:
            command = [pgbench, "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(round(length))]
            return subprocess.Popen(command, env=_environment(source), stdout=subprocess.PIPE,
                                    stderr=subprocess.DEVNULL, text=True)  # fmt: skip

        try:
            return course.run(write, seconds)
        finally:
            if made is not None:
                made.remove(context, Link(name=NAME, database=NAME, epoch=1, publications=(NAME,), start_lsn=0))
            elif contender == "plain":
                target_connection = context.target(NAME)
                for statement in ("disable", "set (slot_name = none)"):
                    target_connection.execute(f"alter subscription {NAME} {statement}")
                target_connection.execute(f"drop subscription {NAME}")


def _plain(context: FakeEngineContext, link: Link) -> None:
    context.target(NAME).execute(
        sql.SQL(
            "create subscription {name} connection {way} publication {name}"
            " with (create_slot = false, copy_data = false)"
        ).format(name=sql.Identifier(NAME), way=sql.Literal(context.route("source").conninfo(NAME)))
    )


def _environment(route: Route) -> dict[str, str]:
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    return {**os.environ, **{names[k]: v for k, v in route.parameters.items() if k in names}, "PGDATABASE": NAME}


def main() -> None:
    """Measure, and print one line of JSON for each contender."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--contenders", nargs="+", default=["none", "plain", "subscription", "stream"])
    parser.add_argument("--version", type=int, default=16)
    parser.add_argument("--scale", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="dtsrun-bench-") as folder:
        Path(folder).chmod(0o755)
        server_account().own(Path(folder))
        for contender in options.contenders:
            figures = measure(contender, options.version, options.scale, options.seconds, Path(folder))
            print(json.dumps({"contender": contender, **figures}), flush=True)


if __name__ == "__main__":
    main()
