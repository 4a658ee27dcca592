"""What checks have to know of the engine that will carry changes."""

from __future__ import annotations

from dtsrun.api import CheckContext, Database, SkipCheck
from dtsrun.incremental.groups import foreign_keys, grouped
from dtsrun.incremental.slots import FIRST_WITH_COPIES


def must_pull(context: CheckContext) -> None:
    """Go on only where the target's server pulls the changes by subscriptions. Raises SkipCheck."""
    engine = context.spec.stages.get("incremental", {}).get("engine", "subscription")
    if engine != "subscription":
        raise SkipCheck(f"engine {engine} makes no subscription")


def links(context: CheckContext) -> int:
    """Return how many slots, senders and workers the task takes: one for each group of tables of each database."""
    most = context.spec.stages.get("incremental", {}).get("groups", 1)
    databases = context.inventory.databases.values()
    if most == 1 or context.facts("source").major < FIRST_WITH_COPIES:
        return len(databases)
    return sum(_groups(context, database, most) for database in databases)


def links_with_tables(context: CheckContext) -> int:
    """Return how many of them carry rows from the beginning on: those of databases that have tables."""
    empty = sum(not _followed(database) for database in context.inventory.databases.values())
    return links(context) - empty


def _groups(context: CheckContext, database: Database, most: int) -> int:
    ties = foreign_keys(context.source(database.name))
    return max(1, len(set(grouped(_followed(database), ties, most).values())))


def _followed(database: Database) -> dict[int, int]:
    """Return the sizes of the tables that are followed."""
    return {
        table.oid: table.bytes
        for table in database.relations.values()
        if table.relkind == "r" and table.persistence == "p" and table.extension is None
    }
