"""Emptying tables of the target as they were emptied on the source."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg import sql

from dtsrun.api import Connection
from dtsrun.stream.destination import Destination


def truncate(
    catalog: Connection, destinations: Sequence[Destination], *, restart_identity: bool
) -> Iterator[sql.Composed]:
    """Yield the statements that empty tables.

    CASCADE is never said: the source names all tables that it emptied. Where a table beyond these refers to one of
    them (it is followed from another slot, or not at all), TRUNCATE is refused, and the rows are deleted instead.
    """
    if not _is_referred_to(catalog, destinations):
        names = sql.SQL(", ").join(each.only for each in destinations)
        restart = sql.SQL(" restart identity") if restart_identity else sql.SQL("")
        yield sql.SQL("truncate {}{} restrict").format(names, restart)
        return
    for each in destinations:
        yield sql.SQL("delete from {}").format(each.only)


def _is_referred_to(catalog: Connection, destinations: Sequence[Destination]) -> bool:
    """Tell whether a foreign key of a table beyond these leads to them."""
    row = catalog.execute(
        "with emptied as ("
        "  select c.oid from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        "    join rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) as w(schema, name)"
        "      on n.nspname = w.schema and c.relname = w.name)"
        " select exists (select from pg_catalog.pg_constraint k where k.contype = 'f'"
        "   and k.confrelid in (select oid from emptied)"
        "   and k.conrelid not in (select oid from emptied)) as found",
        [[each.relation.schema for each in destinations], [each.relation.name for each in destinations]],
    ).fetchone()
    return bool(row and row.found)
