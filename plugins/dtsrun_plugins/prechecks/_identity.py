"""By what changes of a table tell which row they mean."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dtsrun.api import CheckContext, Database, Fix
from dtsrun.incremental.identities import identity_rows
from dtsrun_plugins.prechecks._catalog import own_relations


def identities(context: CheckContext) -> Iterator[tuple[Database, Any]]:
    """Yield every chosen table that holds rows and is logged, as `identity_rows` gives it, with its database."""
    for database in context.inventory.databases.values():
        for row in identity_rows(context.source(database.name), [*own_relations(database)]):
            yield database, row


def is_usable(row: Any) -> bool:
    """Return whether an UPDATE or DELETE of the table can be published."""
    return bool({"d": row.has_key, "i": row.has_index, "f": True, "n": False}[row.identity])


def identity_fix(row: Any) -> Fix:
    """Return the statement that gives the table an identity: what it has already, else whole rows."""
    if row.has_key:
        return Fix(
            text="use the primary key", sql=(f"ALTER TABLE {row.quoted} REPLICA IDENTITY DEFAULT",), side="source"
        )
    if row.candidate:
        statement = f"ALTER TABLE {row.quoted} REPLICA IDENTITY USING INDEX {row.candidate}"
        return Fix(text="use its unique index, or add a primary key", sql=(statement,), side="source")
    statement = f"ALTER TABLE {row.quoted} REPLICA IDENTITY FULL"
    return Fix(text="add a primary key, or let whole rows be its identity", sql=(statement,), side="source")
