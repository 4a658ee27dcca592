"""The client programs of PostgreSQL: finding one that is new enough, and running it against a route.

A program must be at least as new as both servers. Among those that are, the oldest serves: its output is the closest
to what the servers understand.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import make_conninfo

from dtsrun.api.routes import Route
from dtsrun.errors import Interrupted, MigrationError, PluginError
from dtsrun.postgres.environment import inherited
from dtsrun.postgres.installations import LINKS_FILE, candidate_folders
from dtsrun.postgres.session import line_of
from dtsrun.postgres.sqlstate import REFUSALS

LOOK_SECONDS: Final = 0.5
"""How often it is asked whether a program is to end."""

END_SECONDS: Final = 5.0
"""How long a program has to end by itself before it is killed."""

FOLDERS_VARIABLE: Final = "DTSRUN_BIN"
VERSION_SECONDS: Final = 15
LOST_CONNECTION: Final = (
    "connection to server",
    "server closed the connection",
    "terminating connection",
    "could not receive data from server",
)
"""What libpq says when a connection breaks or is not made."""
_SERVICE: Final = "dtsrun"
_VERSION = re.compile(rb"\(PostgreSQL\) (\d+)")
_WRAPPER: Final = "pg_wrapper"
"""What the programs of Debian on PATH lead to: a script that picks one of those in the distribution's folders, which
are candidates themselves. It takes longer to say its version than all of these to be read."""

_TLS_MARK: Final = b"SSL_CTX_new"
"""A libpq that was built with OpenSSL names this function."""


def find_tool(name: str, *, at_least: int, folders: Sequence[Path] = ()) -> Path:
    """Return a client program of PostgreSQL: the oldest that is of major version `at_least` or later.

    Looked for in the given folders, those in `DTSRUN_BIN`, `PATH`, folders of installations, the distribution's and
    the `embedded` extra's. Of two of one version the first found is taken.

    Raises:
        PluginError: there is none; the hint says how to get it.
    """
    found: dict[int, list[Path]] = {}
    for path, major in _candidates(name, folders):
        found.setdefault(major, []).append(path)
    for major in sorted(major for major in found if major >= at_least):
        # What a program says of itself where it lies, it must also say when it is run.
        working = next((path for path in found[major] if tool_version(path) == major), None)
        if working is not None:
            return working
    seen = f"; found only version {', '.join(map(str, sorted(found)))}" if found else ""
    raise PluginError(
        f"no {name} of PostgreSQL {at_least} or later is on this machine{seen}",
        hint="pip install 'dtsrun[embedded]' brings version 18, or install your distribution's package"
        f" postgresql-client-{at_least}, or name the folder that holds it in {FOLDERS_VARIABLE}",
    )


def run_tool(
    argv: Sequence[str | Path], route: Route, database: str, *, is_stopping: Callable[[], bool] | None = None
) -> None:
    """Run a client program against one database; its `--dbname` is added here.

    The password goes to the program by its environment, where other users cannot see it; of ours it gets only what
    is no secret (see `dtsrun.postgres.environment`).

    Args:
        is_stopping: asked now and then; the program is ended once it says so.

    Raises:
        Interrupted: it was ended.
        psycopg.OperationalError: it lost its connection, or got none.
        MigrationError: it failed otherwise; the message holds the error that it told of, the hint all that it said.
    """
    with _service_file(route) as hidden:
        code, said = _run(
            [*map(str, argv), f"--dbname={_public_conninfo(route, database)}"],
            {**_environment(Path(argv[0]), route), **hidden},
            is_stopping,
        )
    if code:
        name = Path(argv[0]).name
        if _is_lost_connection(said):
            # So that it is retried as our own broken connections are.
            raise psycopg.OperationalError(f"{name}: {said}")
        raise MigrationError(
            f"{name} failed: {_cause(said) or f'exit status {code}'}",
            where=route.description,
            hint=_remedy(said),
        )


def _run(argv: Sequence[str], env: Mapping[str, str], is_stopping: Callable[[], bool] | None) -> tuple[int, str]:
    """Run a program to its end; return its exit status, and what it said on stderr."""
    with subprocess.Popen(
        argv,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as process:
        try:
            while True:
                try:
                    _, said = process.communicate(timeout=LOOK_SECONDS if is_stopping else None)
                    return process.returncode, said.strip()
                except subprocess.TimeoutExpired:
                    if is_stopping and is_stopping():
                        raise Interrupted("the task was stopped") from None
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[str]) -> None:
    """End a program: asked to, pg_dump cancels what its server does for it; killed, it would leave that at work."""
    process.terminate()
    try:
        process.communicate(timeout=END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def tool_version(program: Path) -> int | None:
    """Return the major version that a client program says it is of; None where it does not run."""
    try:
        seen = program.stat()
    except OSError:
        return None
    return _asked_version(program, seen.st_mtime_ns)


@functools.cache
def _asked_version(program: Path, changed: int) -> int | None:
    environment = {**inherited(), **_libraries(program)}
    try:
        said = subprocess.run(
            [program, "--version"],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_SECONDS,
            check=False,
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    stated = _VERSION.search(said)
    return int(stated[1]) if stated else None


def _candidates(name: str, folders: Sequence[Path]) -> Iterator[tuple[Path, int]]:
    for folder in dict.fromkeys(_folders(folders)):
        program = folder / name
        if not os.access(program, os.X_OK) or program.resolve().name == _WRAPPER:
            continue
        version = _written_version(program, name) or tool_version(program)
        if version is not None:
            yield program, version


def _written_version(program: Path, name: str) -> int | None:
    """Return the version of the words that `--version` would say, which stand in a program; None for a script."""
    try:
        content = program.read_bytes()
    except OSError:
        return None
    at = -1 if content.startswith(b"#!") else content.find(f"{name} (PostgreSQL) ".encode())
    stated = _VERSION.match(content, at + len(name) + 1) if at >= 0 else None
    return int(stated[1]) if stated else None


def _folders(given: Sequence[Path]) -> Iterator[Path]:
    yield from given
    for variable in (FOLDERS_VARIABLE, "PATH"):
        yield from map(Path, filter(None, os.environ.get(variable, "").split(os.pathsep)))
    yield from candidate_folders()


def _public_conninfo(route: Route, database: str) -> str:
    shown = {k: v for k, v in route.parameters.items() if k not in {"password", "sslpassword", "dbname"}}
    return make_conninfo("", **shown, **line_of(route), dbname=database)


@contextmanager
def _service_file(route: Route) -> Iterator[dict[str, str]]:
    """Give the environment that hands over the passphrase of a key: libpq reads it from a conninfo or a service only.

    Raises:
        PluginError: it begins or ends with a blank, which libpq leaves out when it reads a service.
    """
    passphrase = route.parameters.get("sslpassword")
    if passphrase is None:
        yield {}
        return
    if passphrase != passphrase.strip() or "\n" in passphrase:
        raise PluginError(
            "a passphrase of a key cannot be handed to programs of PostgreSQL with blanks at its ends",
            where=route.description,
            hint="give the key of access.tls.key another passphrase",
        )
    # Its own folder, which nobody else may enter.
    with tempfile.TemporaryDirectory(prefix="dtsrun-") as folder:
        path = Path(folder) / "service"
        path.touch(mode=0o600)
        path.write_text(f"[{_SERVICE}]\nsslpassword={passphrase}\n", encoding="utf-8")
        yield {"PGSERVICEFILE": str(path), "PGSERVICE": _SERVICE}


def _environment(program: Path, route: Route) -> dict[str, str]:
    secret = {"PGPASSWORD": route.parameters["password"]} if "password" in route.parameters else {}
    name = {"PGAPPNAME": f"dtsrun {program.name}", "LC_MESSAGES": "C"}
    return {**inherited(), **name, **_libraries(program), **_tls_library(program, route), **secret}


def _libraries(program: Path) -> dict[str, str]:
    """Return what a program of an npm package needs to find the libraries that came with it."""
    root = program.parent.parent
    return {"LD_LIBRARY_PATH": str(root / "lib")} if (root / LINKS_FILE).exists() else {}


def _tls_library(program: Path, route: Route) -> dict[str, str]:
    """Return what lends a program without OpenSSL another libpq, where the route may need TLS.

    The programs of the `embedded` extra are built without OpenSSL and refuse `sslmode=require`; a libpq that is loaded
    before their own serves them, if it has all that they call.
    """
    mode = route.parameters.get("sslmode", os.environ.get("PGSSLMODE", "prefer"))
    own = program.resolve().parent.parent / "lib" / "libpq.so.5"
    if mode == "disable" or not own.exists() or _knows_tls(own):
        return {}
    lent = next((each for each in _other_libraries() if _knows_tls(each) and _serves(each, program)), None)
    if lent is not None:
        return {"LD_PRELOAD": str(lent)}
    if mode in {"allow", "prefer"}:
        return {}
    raise PluginError(
        f"{program} was built without TLS, and the route asks for sslmode={mode}",
        where=route.description,
        hint="install psycopg[binary], or your distribution's package postgresql-client",
    )


def _other_libraries() -> Iterator[Path]:
    bundled = importlib.util.find_spec("psycopg_binary")
    if bundled is not None and bundled.origin is not None:
        yield from (Path(bundled.origin).parent.parent / "psycopg_binary.libs").glob("libpq-*.so*")
    for folder in ("/usr/lib", "/usr/lib64"):
        yield from Path(folder).glob("libpq.so.5")
        yield from Path(folder).glob("*/libpq.so.5")


@functools.cache
def _knows_tls(library: Path) -> bool:
    return _TLS_MARK in library.read_bytes()


@functools.cache
def _serves(library: Path, program: Path) -> bool:
    """Return whether a program finds everything that it calls in a library that is loaded before its own."""
    try:
        done = subprocess.run(
            [program, "--version"],
            # All functions are looked up at once: an older library without one of them would do until it is called.
            env={**inherited(), **_libraries(program), "LD_PRELOAD": str(library), "LD_BIND_NOW": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and not done.stderr


def _is_lost_connection(said: str) -> bool:
    return any(words in said for words in LOST_CONNECTION) and not any(words in said for words in REFUSALS)


def _cause(said: str) -> str | None:
    """Return the line that says what went wrong: details and the query follow it."""
    lines = said.splitlines()
    errors = (line.partition("error: ")[2] for line in lines if "error: " in line)
    return next(errors, lines[-1] if lines else None)


def _remedy(said: str) -> str | None:
    lines = said.splitlines()
    return "\n".join(lines[-8:]) if len(lines) > 1 else None
