"""Measures the largest memory of dtsrun's own process by the number of tables.

    python3 bench/memory.py                                  # check and run of 300 and of 10,000 tables: ten minutes
    python3 bench/memory.py --tables 300 3000 --commands run

Two private servers of one version are started. Each number of tables gets a database of its own with as many tables of
three columns, a primary key and one row each (none with --empty); `check` is made against an empty target, `run` moves
and compares them. What is told is the largest resident memory of the command, or of the largest program that it starts
(pg_dump), in megabytes of 10^6 bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from contenders import Job, environment, write_spec
from psycopg import sql

from dtsrun.postgres.accounts import server_account
from dtsrun.postgres.installations import find_installation
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect

SETTINGS: Final = {
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "256MB",
    "max_wal_size": "8GB",
    "autovacuum": "off",
}
LOCKS_EACH: Final = 64
"""What a server gives by itself; pg_dump locks every table that it reads."""
CONNECTIONS: Final = 100
COMMANDS: Final[Mapping[str, str]] = {"check": "check {spec}", "run": "{spec} --yes --quiet"}
TABLES: Final = """
do $$ begin
  for n in 1..{count} loop
    execute format('create table public.t_%s (id int primary key, parent int, note text)', n);
    {insert}
    if n % 500 = 0 then commit; end if;
  end loop;
end $$
"""
INSERT: Final = "execute format('insert into public.t_%s values (1, null, ''a note'')', n);"


def measure(servers: tuple[PrivateServer, ...], count: int, command: str, scratch: Path) -> Mapping[str, Any]:
    """Return what one command takes."""
    source, target = servers
    name = f"tables_{count}"
    with connect(target.route) as maintenance:
        maintenance.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
        row = maintenance.execute("select current_setting('server_version_num')::int / 10000 as major").fetchone()
    tools = find_installation(row.major).bin
    job = Job(database=name, source=source.route, target=target.route, scratch=scratch, tools=tools)
    spec = shlex.quote(str(write_spec(job, "full")))
    words = [sys.executable, "-m", "dtsrun", *shlex.split(COMMANDS[command].format(spec=spec))]
    started = time.monotonic()
    with (scratch / "said").open("w+") as said:
        process = subprocess.Popen(words, env=environment(job), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"dtsrun {command} of {count} tables failed:\n{said.read()}")
    seconds = round(time.monotonic() - started, 1)
    return {
        "tables": count,
        "command": command,
        "megabytes": round(used.ru_maxrss / 1e3 * 1.024, 1),
        "seconds": seconds,
    }


def fill(server: PrivateServer, count: int, *, empty: bool) -> None:
    """Make a database with as many tables."""
    name = f"tables_{count}"
    with connect(server.route) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    with connect(server.route, name) as connection:
        connection.execute(TABLES.format(count=count, insert="" if empty else INSERT).encode())
        connection.execute("vacuum (analyze)")


def main() -> None:
    """Measure, and print one line of JSON for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="+", type=int, default=[300, 10_000])
    parser.add_argument("--commands", nargs="+", choices=list(COMMANDS), default=list(COMMANDS))
    parser.add_argument("--version", type=int, default=16)
    parser.add_argument("--empty", action="store_true", help="tables without a row")
    options = parser.parse_args()
    locks = max(LOCKS_EACH, 6 * max(options.tables) // CONNECTIONS)
    settings = {**SETTINGS, "max_connections": str(CONNECTIONS), "max_locks_per_transaction": str(locks)}
    with tempfile.TemporaryDirectory(prefix="dtsrun-bench-") as folder:
        Path(folder).chmod(0o755)
        server_account().own(Path(folder))
        servers = tuple(PrivateServer(Path(folder, side), options.version, settings=settings) for side in "st")
        try:
            for server in servers:
                server.start()
            for count in options.tables:
                fill(servers[0], count, empty=options.empty)
                for command in options.commands:
                    with tempfile.TemporaryDirectory(prefix="dtsrun-bench-") as scratch:
                        print(json.dumps(measure(servers, count, command, Path(scratch))), flush=True)
        finally:
            for server in servers:
                server.destroy()


if __name__ == "__main__":
    main()
