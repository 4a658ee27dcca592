"""By what changed and deleted rows are found on the target, table by table.

As soon as a table without a replica identity is published, every UPDATE and DELETE of it fails on the source, in the
application. So each table gets its identity before it is published: the one that it has, a unique index, or whole rows;
and where rows cannot be compared at all, only its inserts are published. What was changed for that is given back when
the task ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Identity, LinkTable
from dtsrun.errors import MigrationError

LOCK_SECONDS: Final = 5
"""How long an ALTER TABLE may wait for its lock: while it waits, the application waits behind it."""

FIRST_WITH_FILTERS: Final = 15
"""Publications have WHERE since version 15."""

_WORDS: Final = {"d": "default", "n": "nothing", "f": "full"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """How a table is followed, and what has to be changed for it."""

    table: LinkTable
    change: str | None = None
    """Statement for the source; the target gets the same identity with the table's definition."""
    undo: str | None = None
    """Statement that gives the old identity back, on either server."""


def identity_rows(connection: Connection, relations: Sequence[int]) -> list[Any]:
    """Return the tables among the relations that hold rows and are logged, with what could be their identity.

    Columns are those of `identity.sql`: oid, schema, name, quoted, identity, has_key, has_index, candidate,
    unequal_columns, ...
    """
    query = files(__package__).joinpath("identity.sql").read_text(encoding="utf-8")
    return connection.execute(query, {"relations": list(relations)}).fetchall()


def decide(rows: Iterable[Any], filters: Mapping[int, str], wanted: Mapping[str, str]) -> Iterator[Decision]:
    """Yield how each table is followed.

    Args:
        rows: of `identity_rows`.
        filters: conditions of tables that are moved in part, by OID. Every column that such a condition names must be
            part of the identity, or updates would fail on the source: whole rows have them all.
        wanted: the user's own word by `schema.table`: `full` or `insert_only`.
    """
    for row in rows:
        row_filter = filters.get(row.oid)
        chosen = _chosen(row, row_filter, wanted.get(f"{row.schema}.{row.name}"))
        table = LinkTable(oid=row.oid, schema=row.schema, name=row.name, identity=chosen, row_filter=row_filter)
        change = _change(row, chosen)
        yield Decision(table=table, change=change, undo=_undo(row) if change else None)


def apply(connection: Connection, decision: Decision) -> None:
    """Change a table's identity on the source.

    Raises:
        MigrationError: it is locked by somebody, or not ours to change; says what to do.
    """
    if decision.change is None:
        return
    name = decision.table.qualified
    try:
        with connection.transaction():
            connection.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
            connection.execute(decision.change.encode())
    except psycopg.errors.LockNotAvailable as error:
        raise MigrationError(
            f"source: the replica identity of {name} cannot be set, since the table was locked for {LOCK_SECONDS} s",
            hint=f"run the same command again at a quieter time, or before it: {decision.change}",
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise MigrationError(
            f"source: {name} has no key, and its replica identity is not ours to set: {error.diag.message_primary}",
            hint=f"let its owner run: {decision.change}; or set"
            f" migration.stages.incremental.identities to {{{name}: insert_only}}",
        ) from error


def _chosen(row: Any, row_filter: str | None, wanted: str | None) -> Identity:
    if wanted is not None:
        return Identity(wanted)
    has_own = {"d": row.has_key, "i": row.has_index, "f": True, "n": False}[row.identity]
    can_be_whole = not row.unequal_columns or row.has_key or row.has_index
    if row_filter is not None:
        return Identity.FULL if can_be_whole else Identity.INSERT_ONLY
    if has_own and not (row.identity == "f" and not can_be_whole):
        return Identity.KEY
    if row.has_key or row.candidate:
        return Identity.INDEX
    return Identity.FULL if can_be_whole else Identity.INSERT_ONLY


def _change(row: Any, chosen: Identity) -> str | None:
    if chosen is Identity.FULL and row.identity != "f":
        return f"alter table {row.quoted} replica identity full"
    if chosen is Identity.INDEX:
        # A table with a primary key comes here where somebody set NOTHING, or dropped the index that it named.
        what = "default" if row.has_key else f"using index {row.candidate}"
        return f"alter table {row.quoted} replica identity {what}"
    return None


def _undo(row: Any) -> str:
    # An identity by an index that is gone cannot be given back: NOTHING means the same.
    what = f"using index {row.identity_index}" if row.identity == "i" and row.identity_index else None
    return f"alter table if exists {row.quoted} replica identity {what or _WORDS.get(row.identity, 'nothing')}"
