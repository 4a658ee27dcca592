"""Measures the largest memory of dtsrun's own process by the number of tables, and with large values and rows.

    python3 bench/memory.py                                  # check and run of 300 and of 10,000 tables: ten minutes
    python3 bench/memory.py --tables 300 3000 --commands run
    python3 bench/memory.py --tables --shapes values columns wide_rows --commands run

Two private servers of one version are started. Each number of tables gets a database of its own with as many tables of
three columns, a primary key and one row each (none with --empty); so does each shape: `values` of 100 MB (text, bytea,
jsonb), 1,600 `columns`, `wide_rows` of 400 MB as text. `check` is made against an empty target, `run` moves and
compares them. What is told is the largest resident memory of dtsrun's own process, and of the largest program that it
starts (pg_dump), in megabytes of 10^6 bytes.
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
LOOK_SECONDS: Final = 0.05
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

SHAPES: Final[Mapping[str, str]] = {
    "values": "create table public.v (id int primary key, t text, b bytea, j jsonb);"
    " insert into public.v select n, repeat(md5(n::text), 3125000) from generate_series(1, 4) n;"
    " insert into public.v (id, b) select n, decode(repeat(md5(n::text), 6250000), 'hex') from generate_series(5, 8) n;"
    " insert into public.v (id, j) select n, jsonb_build_object('a', repeat(md5(n::text), 3125000))"
    " from generate_series(9, 12) n",
    "columns": "do $$ begin execute (select 'create table public.c (' || string_agg(format('c%s int', n), ', ')"
    " || ')' from generate_series(1, 1600) n); execute (select 'insert into public.c select '"
    " || string_agg('n', ', ') || ' from generate_series(1, 800) n' from generate_series(1, 1600)); end $$",
    "wide_rows": "create table public.w (id int primary key, a bytea, b bytea, c bytea, d bytea);"
    " insert into public.w select n, v, v, v, v from generate_series(1, 3) n,"
    " lateral (select decode(repeat(md5(n::text), 3125000), 'hex') as v) x",
}
"""What makes a database with values and rows of unusual size."""


def measure(
    servers: tuple[PrivateServer, ...], name: str, command: str, scratch: Path, sslmode: str
) -> Mapping[str, Any]:
    """Return what one command takes."""
    source, target = servers
    with connect(target.route) as maintenance:
        maintenance.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
        row = maintenance.execute("select current_setting('server_version_num')::int / 10000 as major").fetchone()
    tools = find_installation(row.major).bin
    job = Job(database=name, source=source.route, target=target.route, scratch=scratch, tools=tools, sslmode=sslmode)
    spec = shlex.quote(str(write_spec(job, "full")))
    words = [sys.executable, "-m", "dtsrun", *shlex.split(COMMANDS[command].format(spec=spec))]
    started = time.monotonic()
    with (scratch / "said").open("w+") as said:
        process = subprocess.Popen(words, env=environment(job), stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        own = 0
        while not (ended := os.wait4(process.pid, os.WNOHANG))[0]:
            own = max(own, largest_of(process.pid))
            time.sleep(LOOK_SECONDS)
        _, status, used = ended
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"dtsrun {command} of {name} failed:\n{said.read()}")
    seconds = round(time.monotonic() - started, 1)
    return {
        "what": name,
        "command": command,
        "megabytes": round(own * 1024 / 1e6, 1),
        "with_programs": round(used.ru_maxrss * 1024 / 1e6, 1),
        "seconds": seconds,
    }


def largest_of(pid: int) -> int:
    """Return the most kilobytes that a process had resident by now, 0 where it has just ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def fill(server: PrivateServer, name: str, script: str) -> None:
    """Make a database."""
    with connect(server.route) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
    with connect(server.route, name) as connection:
        connection.execute(script.encode())
        connection.execute("vacuum (analyze)")


def main() -> None:
    """Measure, and print one line of JSON for each figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", nargs="*", type=int, default=[300, 10_000])
    parser.add_argument("--shapes", nargs="*", choices=list(SHAPES), default=[])
    parser.add_argument("--commands", nargs="+", choices=list(COMMANDS), default=list(COMMANDS))
    parser.add_argument("--version", type=int, default=16)
    parser.add_argument("--encrypted", action="store_true", help="over TLS, by servers that can (Debian's 15, say)")
    parser.add_argument("--empty", action="store_true", help="tables without a row")
    options = parser.parse_args()
    sslmode = "require" if options.encrypted else "disable"
    insert = "" if options.empty else INSERT
    scripts = {f"tables_{count}": TABLES.format(count=count, insert=insert) for count in options.tables}
    scripts |= {shape: SHAPES[shape] for shape in options.shapes}
    locks = max(LOCKS_EACH, 6 * max(options.tables, default=0) // CONNECTIONS)
    settings = {**SETTINGS, "max_connections": str(CONNECTIONS), "max_locks_per_transaction": str(locks)}
    with tempfile.TemporaryDirectory(prefix="dtsrun-bench-") as folder:
        Path(folder).chmod(0o755)
        server_account().own(Path(folder))
        if options.encrypted:
            from dtsrun.testing.certificates import encrypted

            settings |= encrypted(Path(folder))
        servers = tuple(PrivateServer(Path(folder, side), options.version, settings=settings) for side in "st")
        try:
            for server in servers:
                server.start()
            for name, script in scripts.items():
                fill(servers[0], name, script)
                for command in options.commands:
                    with tempfile.TemporaryDirectory(prefix="dtsrun-bench-") as scratch:
                        print(json.dumps(measure(servers, name, command, Path(scratch), sslmode)), flush=True)
        finally:
            for server in servers:
                server.destroy()


if __name__ == "__main__":
    main()
