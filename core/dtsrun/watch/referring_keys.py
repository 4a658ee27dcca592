"""Foreign keys that stand in the way of a TRUNCATE on the target.

The source names all tables that it emptied, but some of them are not emptied with the others: a table that another slot
follows, one of which only inserts are followed, an unlogged one. An apply worker never says CASCADE, so that the
server refuses it for as long as a foreign key of such a table leads to what is to be emptied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from psycopg import sql

from dtsrun.api import Connection

LOCK_SECONDS: Final = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class ForeignKey:
    """A foreign key, by name."""

    schema: str
    table: str
    name: str

    @property
    def label(self) -> str:
        """As a dump calls it."""
        return f"FK CONSTRAINT {self.schema}.{self.table} {self.name}"

    @property
    def dropping(self) -> sql.Composed:
        """The statement that drops it, if it is there."""
        return sql.SQL("alter table {} drop constraint if exists {}").format(
            sql.Identifier(self.schema, self.table), sql.Identifier(self.name)
        )


def referring_keys(target: Connection, tables: Sequence[tuple[str, str]]) -> tuple[ForeignKey, ...]:
    """Return the foreign keys by which other tables refer to these; `tables` are pairs of schema and name."""
    query = files(__package__).joinpath("referring_keys.sql").read_bytes()
    named = {"schemas": [schema for schema, _ in tables], "names": [name for _, name in tables]}
    rows = target.execute(query, named).fetchall()
    return tuple(ForeignKey(schema=row.schema, table=row.table, name=row.name) for row in rows)


def release(source: Connection, target: Connection, keys: Iterable[ForeignKey]) -> list[ForeignKey]:
    """Drop foreign keys on the target that the source has too, so that completion makes them again; return which.

    One that the target alone has is somebody's own affair, and stays.

    Raises:
        psycopg.Error: the server's refusal; a lock that does not come in two seconds.
    """
    released = [key for key in keys if _has(source, key)]
    with target.transaction():
        target.execute(sql.SQL("set local lock_timeout = {}").format(sql.Literal(f"{LOCK_SECONDS}s")))
        for key in released:
            target.execute(key.dropping)
    return released


def _has(source: Connection, key: ForeignKey) -> bool:
    found = source.execute(
        "select from pg_catalog.pg_constraint k"
        "  join pg_catalog.pg_class c on c.oid = k.conrelid"
        "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where k.contype = 'f' and k.convalidated and n.nspname = %s and c.relname = %s and k.conname = %s",
        [key.schema, key.table, key.name],
    )
    return found.fetchone() is not None
