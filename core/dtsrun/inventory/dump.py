"""The definitions of a database: pg_dump's table of contents, read as entries.

pg_dump knows better than anyone how to write a definition and what it depends on, so nothing of that is done again
here. It writes a schema-only archive into a private file, and what the archive lists is handed on in its own order,
which is an order in which it can be restored.
"""

from __future__ import annotations

import re
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pgdumplib.dump
import pgdumplib.models

from dtsrun.api import ObjectKind, Route, Section
from dtsrun.errors import MigrationError
from dtsrun.incremental.names import is_own_name
from dtsrun.inventory.entries import Common, Store, StoredEntries
from dtsrun.pairs import ById
from dtsrun.postgres.session import connect
from dtsrun.postgres.tools import find_tool, run_tool
from dtsrun.texts import Texts

OLDEST_TOOL: Final = 17
"""The first pg_dump whose archives (1.16) tell a table's relkind."""

LOCK_WAIT_SECONDS: Final = 60
"""pg_dump and we ourselves lock every table in the weakest mode; an ALTER TABLE left open must not hold us for ever."""

MARKS_SCHEMA: Final = "_dtsrun"
"""Our own memory on a target, which may be the source of the next migration; never an object of the user's."""

PSEUDO_TYPES: Final = frozenset({"ENCODING", "STDSTRINGS", "SEARCHPATH"})
"""Entries of the archive that are settings of the restoring session, not objects."""

POST_DATA_TYPES: Final = frozenset(
    {
        "CHECK CONSTRAINT",
        "CONSTRAINT",
        "DEFAULT ACL",
        "EVENT TRIGGER",
        "FK CONSTRAINT",
        "INDEX",
        "INDEX ATTACH",
        "MATERIALIZED VIEW DATA",
        "POLICY",
        "PUBLICATION",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "ROW SECURITY",
        "RULE",
        "STATISTICS",
        "STATISTICS DATA",
        "SUBSCRIPTION",
        "SUBSCRIPTION TABLE",
        "TRIGGER",
    }
)
"""What pg_dump always writes after the data. Others follow what they depend on: a comment on an index, or a view or
function that pg_dump put off because it needs a primary key."""

_SET_OPTIONS = re.compile(r"^(ALTER [^;\n]* ALTER COLUMN [^;\n]* SET )\(([^;\n]*)\);$", re.MULTILINE)
_INTERNAL_OPTION: Final = "pg_attver="


def dump_entries(
    route: Route,
    database: str,
    kinds: Sequence[ObjectKind],
    *,
    tools: Sequence[Path] = (),
    at_least: int = 0,
    snapshot: str | None = None,
    is_stopping: Callable[[], bool] | None = None,
    texts: Texts | None = None,
) -> StoredEntries:
    """Return all that pg_dump lists of a database, in its order.

    Args:
        database: its name on that server.
        kinds: they claim the entries by type.
        tools: folders where pg_dump is looked for first.
        at_least: the major version of the newer server of both ends; 0: that of this server, which is asked.
        snapshot: name of an exported snapshot to read in.
        is_stopping: asked now and then; pg_dump is ended once it says so.
        texts: where the definitions are kept, for those who read many databases; a file of their own else.

    Raises:
        Interrupted: it was ended.
        MigrationError: pg_dump failed, or no object kind claims an entry's type.
        PluginError: no pg_dump that is new enough is found.
    """
    version = max(at_least or _server_major(route, database), OLDEST_TOOL)
    program = find_tool("pg_dump", at_least=version, folders=tools)
    with _private_file() as path:
        run_tool(_arguments(program, path, snapshot), route, database, is_stopping=is_stopping)
        return _claimed(path, Claims(kinds, database), texts or Texts())


class Claims:
    """Which object kind claims which type of the archive's entries."""

    def __init__(self, kinds: Sequence[ObjectKind], database: str) -> None:
        """Raises MigrationError: two kinds claim one type; the message names it."""
        self._database = database
        self._kinds: dict[str, str] = {}
        for kind in kinds:
            for entry_type in kind.entry_types:
                other = self._kinds.setdefault(entry_type, kind.name)
                if other != kind.name:
                    raise MigrationError(f"both {other} and {kind.name} claim the dump's entries of type {entry_type}")

    def kind_of(self, entry: pgdumplib.models.Entry) -> str:
        """Return the kind that claims an entry. Raises MigrationError: none does."""
        if entry.desc in self._kinds:
            return self._kinds[entry.desc]
        name = f"{entry.namespace}.{entry.tag}" if entry.namespace else entry.tag
        raise MigrationError(
            f"no object kind claims the type {entry.desc} of {name} in database {self._database}",
            hint="a plugin of the family object must list the type in its entry_types",
        )


def _claimed(path: Path, claims: Claims, texts: Texts) -> StoredEntries:
    """Read an archive entry by entry: of a large database whole archives would be held else."""
    store = Store(texts)
    post_data = ById()

    def take(entry: pgdumplib.models.Entry) -> None:
        if entry.desc not in PSEUDO_TYPES and not _is_for_following(entry):
            section = _section(entry, post_data)
            if section is Section.POST_DATA:
                post_data[entry.dump_id] = 1
            _store(store, entry, section, claims.kind_of(entry))

    try:
        _read_archive(path, take)
    except OSError as error:
        raise MigrationError(
            f"the definitions of a database cannot be kept in {tempfile.gettempdir()}: {error.strerror}",
            hint="make room there, or let TMPDIR name another folder",
        ) from error
    store.forget_unknown_needs()
    return StoredEntries(store)


def _is_for_following(entry: pgdumplib.models.Entry) -> bool:
    """Tell whether an entry is a publication or subscription that a task made for itself: nobody's to move."""
    names = (entry.tag or "").split(" ")  # `PUBLICATION TABLE` is tagged by both
    return entry.desc.startswith(("PUBLICATION", "SUBSCRIPTION")) and is_own_name(names[0])


def _server_major(route: Route, database: str) -> int:
    with connect(route, database, purpose="inventory") as connection:
        return connection.info.server_version // 10000


@contextmanager
def _private_file() -> Iterator[Path]:
    """Yield the name of a file that only we can read: definitions may hold secrets (user mappings, subscriptions)."""
    with tempfile.TemporaryDirectory(prefix="dtsrun-") as folder:
        path = Path(folder, "definitions.dump")
        path.touch(mode=0o600)
        yield path


def _arguments(program: Path, path: Path, snapshot: str | None) -> list[str | Path]:
    """`--create` brings the database's own entries. Large objects are left to the catalogs: there may be millions."""
    chosen = [f"--snapshot={snapshot}"] if snapshot else []
    return [
        program,
        "--format=custom",
        "--compress=none",
        "--schema-only",
        "--create",
        "--no-large-objects",
        "--no-sync",
        "--no-password",
        "--encoding=UTF8",
        f"--exclude-schema={MARKS_SCHEMA}",
        f"--lock-wait-timeout={LOCK_WAIT_SECONDS}s",
        f"--file={path}",
        *chosen,
    ]


class _Archive(pgdumplib.dump.Dump):
    """A dump that can be closed, hands its entries on one by one, and reads integers at once, not byte by byte (five
    times as fast)."""

    def __init__(self, take: Callable[[pgdumplib.models.Entry], None]) -> None:
        super().__init__()
        self._take = take

    def close(self) -> None:
        if self._handle is not None:
            self._handle.close()
        self._temp_dir.cleanup()

    def _read_entries(self) -> None:
        for _ in range(self._read_int() or 0):
            self._read_entry()
            entry = self.entries[-1]
            if entry.desc not in PSEUDO_TYPES:  # which tell the archive's own encoding
                self.entries.pop()
            self._take(entry)

    def _read_int(self) -> int | None:
        if self._handle is None:
            return None
        raw = self._handle.read(1 + self._intsize)
        if len(raw) <= self._intsize:
            return None
        value = int.from_bytes(raw[1:], "little")
        return -value if raw[0] else value

    def _read_bytes(self) -> bytes:
        length = self._read_int()
        if self._handle is None or length is None or length <= 0:
            return b""
        return self._handle.read(length)


def _read_archive(path: Path, take: Callable[[pgdumplib.models.Entry], None]) -> None:
    archive = _Archive(take)
    try:
        archive.load(path)
    except (ValueError, RuntimeError, struct.error) as error:
        raise MigrationError(f"the archive that pg_dump wrote cannot be read: {error}") from error
    finally:
        archive.close()


def _section(entry: pgdumplib.models.Entry, post_data: ById) -> Section:
    """The archive has the section, but its reader drops it; in the dump's order each entry stands after its needs."""
    if entry.desc in POST_DATA_TYPES or any(d in post_data for d in entry.dependencies):
        return Section.POST_DATA
    return Section.PRE_DATA


def _store(store: Store, entry: pgdumplib.models.Entry, section: Section, kind: str) -> None:
    common = Common(
        type=entry.desc,
        schema=entry.namespace or None,
        owner=entry.owner or None,
        catalog=int(entry.table_oid or 0),
        tablespace=entry.tablespace or None,
        access_method=entry.tableam or None,
        relkind=entry.relkind,
        section=section,
        kind=kind,
    )
    texts = without_internal_options(entry.defn or ""), entry.drop_stmt or ""
    store.add(entry.dump_id, int(entry.oid or 0), entry.tag or "", common, entry.dependencies, texts)


def without_internal_options(definition: str) -> str:
    """Return a definition without `pg_attver=N`, which the newest minor releases keep among a column's options.

    It counts changes of the column inside one server, and no server lets a user set it.
    """
    if _INTERNAL_OPTION not in definition:
        return definition
    return _SET_OPTIONS.sub(_user_options, definition)


def _user_options(statement: re.Match[str]) -> str:
    options = [o for o in statement[2].split(", ") if not o.startswith(_INTERNAL_OPTION)]
    return f"{statement[1]}({', '.join(options)});" if options else ""
