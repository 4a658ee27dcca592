"""The stage `structure`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, islice
from typing import Any, Final

import psycopg

from dtsrun.api import Database, Entry, PlanContext, Section, Stage, Step, StepContext, StepResult, entry_name
from dtsrun.errors import MigrationError
from dtsrun.inventory.entries import only
from dtsrun.postdata import FINAL_TYPES, LAST_TYPES
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.structure import CONTAINERS, left_out, planned, restore, run

BATCH_ENTRIES: Final = 200
"""Entries of one transaction: each takes a few locks, and the target's lock table has room for some thousands."""


class Structure(Stage):
    """Roles, databases, and all that must stand before rows can come

    What it does
    ------------
    Creates roles and databases, then the definitions that stand before the data, in pg_dump's order: schemas, types,
    functions, tables, views. They go in batches of one transaction each; where one fails, the batch is tried again
    entry by entry, what cannot be created is named with the server's words, and the rest goes on.

    Why it matters
    --------------
    Indexes, constraints and triggers come later, after the rows: a table without them loads several times faster.

    Spec
    ----
    `migration.on_conflict` says what happens to objects that the target has already: `fail` stops before anything is
    done, `skip` leaves them as they are, with their rows and all that belongs to them, `drop` drops them first. What
    depends on a dropped object and is not selected stops the work; nothing is dropped by CASCADE. Schemas,
    extensions and languages are used as they are.

    Needs
    -----
    CREATE on the target's databases, and membership in the roles that will own the objects.

    Example
    -------
    ::

        migration: {type: structural, objects: entire_instance}

    Limits
    ------
    Function bodies are not checked while they are created.
    """

    name = "stage.structure"

    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return the steps of the kinds, then those of each database."""
        for kind in context.kinds:
            yield from kind.steps("structure", context)
        for database in context.inventory.databases.values():
            yield from self._dropping(database, context)
            yield from self._creating(database, context)

    def do_restore(self, context: StepContext) -> StepResult:
        """Create the step's entries."""
        return restore(context)

    def do_drop(self, context: StepContext) -> StepResult:
        """Drop what is to be made anew. Raises MigrationError, naming what else depends on it."""
        for entry in context.step.args["entries"]:
            context.progress()
            _drop(context, entry)
        return StepResult()

    def _dropping(self, database: Database, context: PlanContext) -> Iterator[Step]:
        if context.spec.on_conflict != "drop":
            return
        existing = context.existing(database.name)
        entries = [e for e in database.entries.values() if e.label in existing and _can_drop(e)]
        if entries:
            yield Step(
                key=f"{database.name}/structure/drop",
                stage="structure",
                plugin=self.name,
                action="drop",
                database=database.name,
                args={"entries": [{"label": e.label, "sql": _drop_sql(e)} for e in reversed(entries)]},
                needs=(f"{database.name}/database",),
                provides=(f"{database.name}/dropped",),
                title=f"drop what is there already in {database.target}",
            )

    def _creating(self, database: Database, context: PlanContext) -> Iterator[Step]:
        before: tuple[str, ...] = ()
        first_needs = (f"{database.name}/database", f"{database.name}/dropped", "server/roles", "server/tablespaces")
        for number, (plugin, items) in enumerate(_batches(database, context), start=1):
            key = f"{database.name}/structure/{number:04}"
            yield Step(
                key=key,
                stage="structure",
                plugin=plugin or self.name,
                action="restore",
                database=database.name,
                args={"entries": items},
                after=before,
                needs=() if before else first_needs,
                provides=tuple(entry_name(database.name, item["id"]) for item in items),
                title=f"create {items[0]['label']} and {len(items) - 1} more" if items[1:] else items[0]["label"],
            )
            before = (key,)


def _batches(database: Database, context: PlanContext) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield the plugin that restores (empty: this stage) and the entries, cut where the plugin changes."""
    for plugin, group in groupby(_pre_data(database, context), key=lambda e: _restorer(e, context)):
        existing = context.existing(database.name)
        while entries := list(islice(group, BATCH_ENTRIES)):
            if items := planned(entries, database, context, _kept(entries, existing)):
                yield plugin, items


def _pre_data(database: Database, context: PlanContext) -> Sequence[Entry]:
    skips = context.spec.on_conflict == "skip"
    gone = left_out(database, context.existing(database.name)) if skips else frozenset()
    later = FINAL_TYPES | LAST_TYPES
    return only(database.entries, lambda e: e.section is Section.PRE_DATA and e.type not in later and e.id not in gone)


def _restorer(entry: Entry, context: PlanContext) -> str:
    """Some kinds have to look at both ends before they create: they have an action of their own."""
    return entry.kind if hasattr(context.kind(entry.kind), "do_restore") else ""


def _kept(entries: Sequence[Entry], existing: frozenset[str]) -> frozenset[int]:
    # CREATE EXTENSION IF NOT EXISTS says for itself what is done about one that is there.
    return frozenset(e.id for e in entries if e.type in CONTAINERS - {"EXTENSION"} and e.label in existing)


def _can_drop(entry: Entry) -> bool:
    has_statement = bool(entry.drop_sql.strip()) and not entry.drop_sql.startswith("--")
    return has_statement and entry.type not in CONTAINERS and entry.type != "DATABASE PROPERTIES"


def _drop_sql(entry: Entry) -> str:
    """pg_dump drops a base type with CASCADE, for the sake of its functions; we take nothing along unasked."""
    return entry.drop_sql.rstrip().rstrip(";").removesuffix(" CASCADE") if entry.type == "TYPE" else entry.drop_sql


def _drop(context: StepContext, entry: dict[str, Any]) -> None:
    try:
        run(context.target(), [entry["sql"]])
    except psycopg.Error as error:
        if reaction(error) is Reaction.RETRY:
            raise
        raise MigrationError(
            f"{entry['label']} on the target cannot be dropped: {describe(error)}",
            hint="include what depends on it in the migration, or drop that by hand",
        ) from error
