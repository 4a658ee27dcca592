"""How each table of a task is followed: decided once, before anything is changed for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from dtsrun.api import Connection, Database, Relation
from dtsrun.incremental.groups import foreign_keys, grouped
from dtsrun.incremental.identities import Decision, decide, identity_rows
from dtsrun.incremental.slots import FIRST_WITH_COPIES


def decisions(
    connection: Connection, database: Database, moved: Sequence[Relation], options: Mapping[str, Any]
) -> list[Decision]:
    """Return how the tables of a database are followed.

    Args:
        connection: to the source database.
        moved: the tables whose rows are moved. Unlogged ones leave nothing to follow, and an extension's are its own:
            both are copied again at completion.
        options: of the stage `incremental`.
    """
    tables = [table for table in moved if is_followed(table)]
    filters = {oid: text for oid, text in database.rows.items() if text is not None}
    rows = identity_rows(connection, [table.oid for table in tables])
    found = list(decide(rows, filters, options["identities"]))
    if options["groups"] == 1 or connection.info.server_version < FIRST_WITH_COPIES * 10000:
        return found
    groups = grouped({table.oid: table.bytes for table in tables}, foreign_keys(connection), options["groups"])
    return [replace(d, table=replace(d.table, group=groups[d.table.oid])) for d in found]


def is_followed(table: Relation) -> bool:
    """Tell whether a table's changes can be followed."""
    return table.extension is None and table.persistence == "p"
