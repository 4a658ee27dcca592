"""Publications of a link: they name their tables, and never catch what is made later.

`FOR ALL TABLES` and `TABLES IN SCHEMA` would publish tables that the application makes tomorrow; one of them without a
key, and the application's own UPDATE fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, TypeVar

from psycopg import sql

from dtsrun.api import Connection, Identity, LinkTable
from dtsrun.incremental.names import INSERTS

TABLES_AT_ONCE: Final = 500
"""Each table takes a lock until the statement ends; the lock table has room for some thousands."""

FIRST_WITH_TRUNCATE: Final = 11

_Item = TypeVar("_Item")


def publication_names(link: str, tables: Iterable[LinkTable]) -> tuple[str, ...]:
    """Return the publications of a link: one for all changes, one for tables of which only inserts are followed."""
    kinds = {table.identity is Identity.INSERT_ONLY for table in tables}
    return tuple(f"{link}{INSERTS}" if inserts_only else link for inserts_only in sorted(kinds)) or (link,)


def publish(connection: Connection, link: str, tables: Sequence[LinkTable], *, major: int) -> tuple[str, ...]:
    """Make the publications of a link anew, and return their names.

    Args:
        major: version of the source.
    """
    names = publication_names(link, tables)
    for name in names:
        inserts_only = name != link
        chosen = [t for t in tables if (t.identity is Identity.INSERT_ONLY) == inserts_only]
        connection.execute(sql.SQL("drop publication if exists {}").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("create publication {} with (publish = {})").format(
                sql.Identifier(name), sql.Literal(_operations(inserts_only, major))
            )
        )
        for part in _parts(chosen):
            connection.execute(_adding(name, part))
    return names


def published(connection: Connection, names: Sequence[str]) -> set[int]:
    """Return OIDs of the tables that publications name."""
    rows = connection.execute(
        "select r.prrelid as oid from pg_catalog.pg_publication_rel r"
        "  join pg_catalog.pg_publication p on p.oid = r.prpubid where p.pubname = any (%s)",
        [list(names)],
    ).fetchall()
    return {int(row.oid) for row in rows}


def keep_only(connection: Connection, names: Sequence[str], oids: Iterable[int]) -> None:
    """Take out of publications all tables but the given ones."""
    rows = connection.execute(
        "select p.pubname::text as publication, n.nspname::text as schema, c.relname::text as name"
        "  from pg_catalog.pg_publication_rel r"
        "  join pg_catalog.pg_publication p on p.oid = r.prpubid"
        "  join pg_catalog.pg_class c on c.oid = r.prrelid"
        "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where p.pubname = any (%s) and r.prrelid <> all (%s::oid[]) order by 1, 2, 3",
        [list(names), list(oids)],
    ).fetchall()
    for publication, part in _grouped(rows):
        what = sql.SQL(", ").join(sql.SQL("only {}").format(sql.Identifier(row.schema, row.name)) for row in part)
        connection.execute(sql.SQL("alter publication {} drop table {}").format(sql.Identifier(publication), what))


def drop_publication(connection: Connection, name: str) -> None:
    """Drop a publication, if it is there."""
    connection.execute(sql.SQL("drop publication if exists {}").format(sql.Identifier(name)))


def _parts(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    for start in range(0, len(items), TABLES_AT_ONCE):
        yield items[start : start + TABLES_AT_ONCE]


def _grouped(rows: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
    for publication in dict.fromkeys(row.publication for row in rows):
        for part in _parts([row for row in rows if row.publication == publication]):
            yield publication, part


def _operations(inserts_only: bool, major: int) -> str:
    operations = ["insert"] if inserts_only else ["insert", "update", "delete"]
    return ", ".join([*operations, *(["truncate"] if major >= FIRST_WITH_TRUNCATE else [])])


def _adding(name: str, tables: Sequence[LinkTable]) -> sql.Composed:
    what = sql.SQL(", ").join(_table(table) for table in tables)
    return sql.SQL("alter publication {} add table {}").format(sql.Identifier(name), what)


def _table(table: LinkTable) -> sql.Composable:
    # ONLY: a table with heirs does not bring them along; those that are followed are named themselves.
    named = sql.SQL("only {}").format(sql.Identifier(table.schema, table.name))
    if table.row_filter is None:
        return named
    # Others wrote the condition: a comment at its end must not swallow what follows.
    return sql.SQL("{} where ({}\n)").format(named, sql.SQL(table.row_filter))
