"""Rows of the catalogs for checks: one query for each database, never one for each table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import islice
from typing import Any

from dtsrun.api import CheckContext, Database, Side


def catalog_rows(
    context: CheckContext, query: str, *, side: Side = "source", **parameters: Any
) -> Iterator[tuple[Database, Any]]:
    """Yield the rows that a query gives in every chosen database of a side, each with its database.

    Args:
        query: a file beside this one. Its parameter `relations` holds the OIDs of the chosen relations on the source,
            those of extensions left out.
        side: databases that the target does not have are left out.
        parameters: further ones of the query.
    """
    text = files(__package__).joinpath(query).read_text(encoding="utf-8")
    for database in context.inventory.databases.values():
        connection = context.source(database.name) if side == "source" else context.target(database.name)
        if connection is not None:
            given = {"relations": oids_text(own_relations(database)), **parameters}
            for row in connection.execute(text, given).fetchall():
                yield database, row


def own_relations(database: Database) -> Iterator[int]:
    """Yield the OIDs of the chosen relations that no extension brings."""
    return (relation.oid for relation in database.relations.values() if relation.extension is None)


def oids_text(oids: Iterable[int]) -> str:
    """Return OIDs as the text of an array, for a parameter that is cast to `oid[]`.

    A list of 100,000 would become as many objects of Python's, and again as many of the driver's.
    """
    each = iter(oids)
    parts = iter(lambda: ",".join(map(str, islice(each, 1000))), "")
    return "{" + ",".join(parts) + "}"


def subject_of(database: Database, row: Any) -> str:
    """Return what a finding on the source is about, of a row with `schema` and `name`."""
    return f"{database.name}.{row.schema}.{row.name}"
