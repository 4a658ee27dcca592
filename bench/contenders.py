"""The tools that are compared. Each gives a shell script that moves one database, ready for use and analyzed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dtsrun.api import Route

JOBS: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One database to move."""

    database: str
    source: Route
    target: Route
    scratch: Path
    tools: Path
    """Where pg_dump and the others of the servers' version are."""
    sslmode: str = "disable"
    """Of dtsrun's own connections."""

    def uri(self, side: str) -> str:
        """Return the connection of a side, without the password, which is in PGPASSFILE."""
        at = (self.source if side == "source" else self.target).parameters
        return f"postgresql://{at['user']}@{at['host']}:{at['port']}/{self.database}?sslmode=disable"

    def tool(self, name: str) -> str:
        """Return the path of a client tool, quoted."""
        found = self.tools / name
        return shlex.quote(str(found)) if found.exists() else name


def write_spec(job: Job, verify: str, foreign_keys: str = "checked") -> Path:
    """Write the spec of a full move that verifies in a mode, and return its path."""

    def endpoint(side: str, route: Route) -> str:
        at = route.parameters
        address = f"host: {at['host']}, port: {at['port']}, tls: {{mode: {job.sslmode}}}"
        return (
            f"{side}:\n  type: postgresql\n"
            f"  access: {{type: public_network, {address}}}\n"
            f"  account: {at['user']}\n  password: {{env: BENCH_{side.upper()}_PASSWORD}}\n"
        )

    path = job.scratch / "spec.yaml"
    path.write_text(
        f"dtsrun: 1\ntask: {{name: bench-{job.database.replace('_', '-')}}}\n"
        f"{endpoint('source', job.source)}{endpoint('target', job.target)}"
        f"migration:\n  type: full\n  objects: {{databases: {{{job.database}: {{}}}}}}\n"
        f"  stages: {{verify: {{mode: {verify}}}, indexes: {{foreign_keys: {foreign_keys}}}}}\n"
    )
    return path


def _dtsrun(job: Job, verify: str = "none", foreign_keys: str = "checked") -> str:
    python, spec = shlex.quote(sys.executable), shlex.quote(str(write_spec(job, verify, foreign_keys)))
    return f"{python} -m dtsrun {spec} --yes --quiet"


def _create(job: Job) -> str:
    maintenance = shlex.quote(job.uri("target").replace(f"/{job.database}?", "/postgres?"))
    return f'{job.tool("psql")} -qXd {maintenance} -c "create database {job.database}"'


def _analyze(job: Job) -> str:
    return f"{job.tool('vacuumdb')} --analyze-only -q -j {JOBS} -d {shlex.quote(job.uri('target'))}"


def _piped(job: Job) -> str:
    source, target = shlex.quote(job.uri("source")), shlex.quote(job.uri("target"))
    dump = f"{job.tool('pg_dump')} -Fc -Z0 -d {source}"
    return f"{_create(job)} && {dump} | {job.tool('pg_restore')} -d {target} && {_analyze(job)}"


def _parallel(job: Job) -> str:
    source, target = shlex.quote(job.uri("source")), shlex.quote(job.uri("target"))
    dump = shlex.quote(str(job.scratch / "dump"))
    return (
        f"{_create(job)} && {job.tool('pg_dump')} -Fd -j {JOBS} -Z0 -f {dump} -d {source}"
        f" && {job.tool('pg_restore')} -j {JOBS} -d {target} {dump} && {_analyze(job)}"
    )


def _pgcopydb(job: Job) -> str:
    source, target = shlex.quote(job.uri("source")), shlex.quote(job.uri("target"))
    work = shlex.quote(str(job.scratch / "pgcopydb"))
    return (
        f"{_create(job)} && pgcopydb clone --source {source} --target {target} --dir {work}"
        f" --table-jobs {JOBS} --index-jobs {JOBS}"  # it vacuums and analyzes each table itself
    )


def _floor(job: Job) -> str:
    """The servers alone: their own COPY from files, indexes and constraints, ANALYZE; the files are made before."""
    target = shlex.quote(job.uri("target"))
    folder = shlex.quote(str(job.scratch))
    run = f"{job.tool('psql')} -qXd {target} -v ON_ERROR_STOP=1"
    return (
        f"{_create(job)} && {job.tool('pg_restore')} --section=pre-data -d {target} {folder}/structure"
        f" && find {folder} -name 'in.*.sql' | sort | xargs -r -P {JOBS} -n 1 {run} -f"
        f" && {job.tool('pg_restore')} --section=post-data -j {JOBS} -d {target} {folder}/structure && {_analyze(job)}"
    )


CONTENDERS: Final[Mapping[str, Callable[[Job], str]]] = {
    "dtsrun": _dtsrun,
    "dtsrun_verified": lambda job: _dtsrun(job, "full"),
    "dtsrun_trusted": lambda job: _dtsrun(job, foreign_keys="trusted"),
    "pg_dump_piped": _piped,
    "pg_dump_parallel": _parallel,
    "pgcopydb": _pgcopydb,
    "floor": _floor,
}


def reason_to_skip(contender: str, data_set: str) -> str | None:
    """Return why a contender cannot run here, or has nothing to do with a data set."""
    if contender == "floor" and data_set == "large_objects":
        return "no COPY moves large objects"
    if contender == "pgcopydb" and shutil.which("pgcopydb") is None:
        return "no pgcopydb on PATH (a package of that name exists)"
    return None


def environment(job: Job) -> dict[str, str]:
    """Return the environment of all contenders; passwords are in it and in a file of the scratch folder only."""
    passfile = job.scratch / "pgpass"
    passfile.touch(mode=0o600)
    lines = []
    for route in (job.source, job.target):
        at = route.parameters
        lines.append(f"{at['host']}:{at['port']}:*:{at['user']}:{at['password']}\n")
    passfile.write_text("".join(lines))
    # An interpreter that may not keep what it compiles would compile all of dtsrun in each run.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        "PATH": f"{job.tools}:{os.environ['PATH']}",
        "PGPASSFILE": str(passfile),
        "BENCH_SOURCE_PASSWORD": str(job.source.parameters["password"]),
        "BENCH_TARGET_PASSWORD": str(job.target.parameters["password"]),
        "BENCH_LOG": str(job.scratch / "log"),
        "DTSRUN_HOME": str(job.scratch / "home"),
    }
