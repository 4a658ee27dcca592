"""Compares whole jobs: dtsrun, pg_dump with pg_restore, pgcopydb, and what the servers need alone.

    python3 bench/run.py                                  # all sets at full size, three times: an hour
    python3 bench/run.py --sets pgbench --scale 0.05 --repeats 1

Two private servers of one version are started, fsync on. Every contender moves the same database to an empty target
that is analyzed at the end. Runs are interleaved, figures are medians, ratios are against dtsrun. dtsrun does not
verify in `dtsrun`, since the others do not; `dtsrun_verified` compares every row afterwards.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from contenders import CONTENDERS, JOBS, Job, environment, reason_to_skip
from data import PGBENCH_SCALE, SETS
from measure import Cost, run
from psycopg import sql

import dtsrun
import dtsrun_plugins
from dtsrun.postgres.accounts import server_account
from dtsrun.postgres.installations import find_installation
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect

SERVER_SETTINGS: Final = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    # Its work would fall into whoever's run it likes.
    "autovacuum": "off",
}
FILLED_BY_PGBENCH: Final = "pgbench"


class Bench:
    """The two servers, and the runs between them."""

    def __init__(self, folder: Path, version: int) -> None:
        self.version = version
        self._folder = folder
        self.source = PrivateServer(folder / "source", version, settings=SERVER_SETTINGS)
        self.target = PrivateServer(folder / "target", version, settings=SERVER_SETTINGS)

    def start(self) -> None:
        """Start both servers, and compile dtsrun's modules, as pip does when it installs them."""
        for package in (dtsrun, dtsrun_plugins):
            compileall.compile_dir(package.__path__[0], quiet=1)
        for server in (self.source, self.target):
            server.start()

    def destroy(self) -> None:
        """Remove both servers."""
        for server in (self.source, self.target):
            server.destroy()

    def fill(self, name: str, scale: float) -> None:
        """Make the source database of a set, analyzed and on disk."""
        with connect(self.source.route) as maintenance:
            maintenance.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
            maintenance.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        if name == FILLED_BY_PGBENCH:
            self._pgbench(max(1, round(PGBENCH_SCALE * scale)))
        else:
            with connect(self.source.route, name, settings={"search_path": "public"}) as connection:
                connection.execute(SETS[name](scale))  # type: ignore[arg-type]
        with connect(self.source.route, name) as connection:
            connection.execute("vacuum (freeze, analyze)")
            connection.execute("checkpoint")

    def move(self, name: str, contender: str) -> Cost:
        """Let a contender move a set's database to an empty target, and look whether it arrived."""
        with connect(self.target.route) as maintenance:
            maintenance.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))
            maintenance.execute("checkpoint")
        with tempfile.TemporaryDirectory(prefix="dtsrun-bench-") as scratch:
            Path(scratch).chmod(0o755)
            tools = find_installation(self.version).bin
            job = Job(
                database=name,
                source=self.source.route,
                target=self.target.route,
                scratch=Path(scratch),
                tools=tools,
            )
            surroundings = environment(job)
            if contender == "floor":
                self._make_files(job, surroundings)
            script = f"set -o pipefail; {CONTENDERS[contender](job)}"
            cost = run(["bash", "-c", script], surroundings, self._postmasters())
            return cost if cost.failure else self._checked(name, cost, with_objects=contender != "floor")

    def _checked(self, name: str, cost: Cost, *, with_objects: bool) -> Cost:
        there, here = (self._rows(server, name, with_objects) for server in (self.source, self.target))
        if there != here:
            raise SystemExit(f"{name} did not arrive: {there} on the source, {here} on the target")
        return cost

    def _rows(self, server: PrivateServer, name: str, with_objects: bool) -> list[tuple[str, int]]:
        """Return the number of tables and large objects, and of rows in the first twenty tables."""
        with connect(server.route, name) as connection:
            tables = [
                row.relname
                for row in connection.execute(
                    "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
                    " order by relname"
                )
            ]
            counted: list[tuple[str, int]] = [("tables", len(tables))]
            if with_objects:
                objects = connection.execute("select pg_catalog.count(*) as n from pg_largeobject_metadata").fetchone()
                counted.append(("large objects", objects.n))
            for table in tables[:20]:
                query = sql.SQL("select pg_catalog.count(*) as n from {}").format(sql.Identifier("public", table))
                counted.append((table, connection.execute(query).fetchone().n))
        return counted

    def _make_files(self, job: Job, surroundings: Mapping[str, str]) -> None:
        """Have the source's server write its tables for the floor, and take its structure."""
        folder = job.scratch / "files"
        folder.mkdir(mode=0o777)
        folder.chmod(0o777)
        server_account().own(folder)
        dump = [job.tools / "pg_dump", "-Fc", "--schema-only", "-f", job.scratch / "structure", "-d", job.uri("source")]
        subprocess.run([str(part) for part in dump], env=dict(surroundings), check=True)
        with connect(job.source, job.database) as connection:
            tables = connection.execute(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
                " order by pg_catalog.pg_table_size(oid) desc"
            ).fetchall()
            for number, table in enumerate(tables):
                path = folder / str(number)
                name = sql.Identifier("public", table.relname)
                out = sql.SQL("copy {} to {} (format binary)").format(name, sql.Literal(str(path)))
                connection.execute(out)
                into = sql.SQL("begin; truncate {0}; copy {0} from {1} (format binary, freeze); commit;\n")
                script = job.scratch / f"in.{number % JOBS}.sql"
                with script.open("a") as file:
                    file.write(into.format(name, sql.Literal(str(path))).as_string(connection))

    def _pgbench(self, scale: int) -> None:
        program = find_installation(self.version).bin / "pgbench"
        route = self.source.route.parameters
        subprocess.run(
            [
                program if program.exists() else "pgbench",
                *("-i", "-q", "-s", str(scale), "--foreign-keys"),
                *("-h", str(route["host"]), "-p", str(route["port"]), "-U", str(route["user"]), FILLED_BY_PGBENCH),
            ],
            env={**os.environ, "PGPASSWORD": str(route["password"])},
            check=True,
            capture_output=True,
        )

    def _postmasters(self) -> tuple[int, int]:
        pids = []
        for server in (self.source, self.target):
            with connect(server.route) as connection:
                row = connection.execute("select pg_catalog.pg_read_file('postmaster.pid', 0, 20) as text").fetchone()
                pids.append(int(row.text.split("\n")[0]))
        return pids[0], pids[1]


def main() -> int:
    """Run the comparison that the arguments ask for, and print it."""
    arguments = _arguments()
    folder = arguments.folder or Path(tempfile.mkdtemp(prefix="dtsrun-bench-servers-"))
    bench = Bench(folder, arguments.version)
    bench.start()
    results: dict[str, dict[str, list[Cost]]] = {}
    try:
        for name in arguments.sets:
            results[name] = _compared(bench, name, arguments)
            print(_table(name, results[name]), flush=True)
    finally:
        if arguments.folder is None:
            bench.destroy()
            shutil.rmtree(folder, ignore_errors=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(_document(arguments, results), indent=2) + "\n")
    return 0


def _compared(bench: Bench, name: str, arguments: argparse.Namespace) -> dict[str, list[Cost]]:
    if not arguments.filled:
        bench.fill(name, arguments.scale)
    costs: dict[str, list[Cost]] = {}
    for _ in range(arguments.repeats):
        for contender in arguments.contenders:
            reason = reason_to_skip(contender, name)
            if reason is None and not any(cost.failure for cost in costs.get(contender, ())):
                costs.setdefault(contender, []).append(bench.move(name, contender))
            elif reason and contender not in costs:
                print(f"{contender} is skipped: {reason}")
                costs[contender] = []
    return costs


def _table(name: str, costs: Mapping[str, Sequence[Cost]]) -> str:
    """Return the set's figures as text."""
    lines = [
        f"\n{name:18}{'wall s':>9}{'ratio':>8}{'client':>9}{'source':>9}{'target':>9}{'MB':>7}   processor s, memory"
    ]
    own = _median(costs.get("dtsrun", ()), "wall")
    for contender, runs in costs.items():
        failure = next((cost.failure for cost in runs if cost.failure), None)
        if failure or not runs:
            lines.append(f"{contender:18}   {'failed: ' + failure if failure else 'skipped'}")
            continue
        wall = _median(runs, "wall") or 0.0
        ratio = f"{wall / own:8.2f}" if own else " " * 8
        figures = "".join(f"{_median(runs, what) or 0.0:9.2f}" for what in ("client_cpu", "source_cpu", "target_cpu"))
        memory = max(cost.client_memory for cost in runs) // 2**20
        lines.append(f"{contender:18}{wall:9.2f}{ratio}{figures}{memory:7}")
    return "\n".join(lines)


def _median(runs: Sequence[Cost], what: str) -> float | None:
    values = [getattr(cost, what) for cost in runs if not cost.failure]
    return median(values) if values else None


def _document(arguments: argparse.Namespace, results: Mapping[str, Mapping[str, Sequence[Cost]]]) -> dict[str, object]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "postgresql": arguments.version,
        "scale": arguments.scale,
        "sets": {
            name: {contender: [cost.as_json() for cost in runs] for contender, runs in costs.items()}
            for name, costs in results.items()
        },
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    every = [FILLED_BY_PGBENCH, *SETS]
    parser.add_argument("--sets", nargs="+", choices=every, default=every, metavar="SET", help=", ".join(every))
    parser.add_argument(
        "--contenders", nargs="+", choices=list(CONTENDERS), default=list(CONTENDERS), metavar="NAME",
        help=", ".join(CONTENDERS),
    )  # fmt: skip
    parser.add_argument("--scale", type=float, default=1.0, help="of all sets; 1 is the size of the published figures")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--version", type=int, default=16, help="of both servers; any that is installed")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--folder", type=Path, help="keep the servers here, for the next time")
    parser.add_argument("--filled", action="store_true", help="the sets are in the servers of --folder already")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
