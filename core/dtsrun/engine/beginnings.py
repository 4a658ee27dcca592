"""What both ends were like when the tables were copied, kept in the task's folder.

It is read in the first snapshot of each database, so that what changes while the rows are copied, or while nobody runs
the task, is seen as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, Final

from psycopg import sql

from dtsrun.api import Connection
from dtsrun.engine.ends import Ends, task_folder
from dtsrun.errors import MigrationError
from dtsrun.journal import Journal
from dtsrun.postgres.session import connect
from dtsrun.watch.databases import State, read_databases
from dtsrun.watch.fingerprint import Fingerprint, read_fingerprint
from dtsrun.watch.large_objects import LargeObjectState, read_large_objects
from dtsrun.watch.roles import RoleState, read_role_state
from dtsrun.watch.settings import Settings, read_settings

SETTINGS: Final = "settings.json"
"""Name of a file; those of databases are hexadecimal."""

FORMAT: Final = 2
"""Of what is kept of a database. What another version counts as a change is not the same."""


class Beginnings:
    """What it was like when the tables were copied: a file for each database of the source, one for its server, and one
    for the settings of both servers."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, connection: Connection, database: str, followed: Sequence[int]) -> None:
        """Read and keep the state of a database and of its server, unless an earlier run did.

        Args:
            connection: reads in the snapshot that the tables are copied in.
        """
        if self._path(database).exists():
            return
        self.save(database, read_fingerprint(connection, followed), read_large_objects(connection))
        if not self._path(None).exists():
            self.save_server(read_role_state(connection), read_databases(connection))

    def save(self, database: str, state: Fingerprint, large_objects: LargeObjectState) -> None:
        """Keep what was last told of a database."""
        self._write(
            database, {"format": FORMAT, "fingerprint": state.as_data(), "large_objects": asdict(large_objects)}
        )

    def save_server(self, state: RoleState, databases: Mapping[str, State]) -> None:
        """Keep what was last told of the roles of the server, and of its databases themselves."""
        self._write(None, {"server": asdict(state), "databases": databases})

    def read(self, database: str) -> tuple[Fingerprint, LargeObjectState] | None:
        """Return the state of a database; None where it was not kept."""
        data = self._read(database)
        if data is None:
            return None
        if data.get("format") != FORMAT:
            raise MigrationError(
                "what it was like when its tables were copied was kept by another version of dtsrun",
                hint="go on with that version, or compare definitions by hand before the cutover",
            )
        given = data["large_objects"]
        contents = given["contents"]
        large_objects = LargeObjectState(
            marks={int(oid): mark for oid, mark in given["marks"].items()},
            contents=None if contents is None else {int(oid): mark for oid, mark in contents.items()},
            writes=given["writes"],
        )
        return Fingerprint.from_data(data["fingerprint"]), large_objects

    def read_server(self) -> tuple[RoleState, Mapping[str, State]] | None:
        """Return the state of the server's roles and of its databases; None where it was not kept by this version."""
        data = self._read(None)
        if data is None or "server" not in data:
            return None
        known = {f.name: data["server"][f.name] for f in fields(RoleState)}
        return RoleState(**known), data["databases"]

    def save_settings(self, begun: Settings, last: Settings) -> None:
        """Keep the settings of both servers: as they were when the task began, and as they were last told."""
        self._write_to(self._folder / SETTINGS, {"begun": begun, "last": last})

    def read_settings(self) -> tuple[Settings, Settings] | None:
        """Return the settings of both servers at the beginning, and as last told; None where they were not kept."""
        path = self._folder / SETTINGS
        if not path.exists():
            return None
        data = json.loads(path.read_text(encoding="utf-8"))
        return data["begun"], data["last"]

    def _path(self, database: str | None) -> Path:
        # Names of databases may hold anything; their bytes as hexadecimal digits do not.
        return self._folder / ("server.json" if database is None else f"{database.encode().hex()}.json")

    def _read(self, database: str | None) -> Any:
        path = self._path(database)
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None

    def _write(self, database: str | None, data: Mapping[str, Any]) -> None:
        self._write_to(self._path(database), data)

    def _write_to(self, path: Path, data: Mapping[Any, Any]) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        making = path.with_suffix(".new")
        making.write_text(json.dumps(data), encoding="utf-8")
        making.replace(path)


def beginnings(journal: Journal, task: str) -> Beginnings:
    """Return where the beginnings of a task are kept."""
    return Beginnings(task_folder(journal.home, task) / "beginnings")


def keep_beginning(ends: Ends, journal: Journal, database: str, snapshot: str, followed: Sequence[int]) -> None:
    """Keep what a database is like in an exported snapshot, unless that was done already."""
    kept = beginnings(journal, ends.spec.task.name)
    with connect(ends.routes["source"], database, purpose="watch", autocommit=False) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot)))
        kept.keep(connection, database, followed)
    if kept.read_settings() is None:
        with ends.connect("source", database, "watch") as source, ends.connect("target", None, "watch") as target:
            settings = read_settings(source, target)
        kept.save_settings(settings, settings)
