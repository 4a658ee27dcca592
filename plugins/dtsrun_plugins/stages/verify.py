"""The stage `verify`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dtsrun.api import Database, Lane, MigrationType, PlanContext, Stage, Step, StepContext, StepResult
from dtsrun.structure import acting_kinds, left_out, mapped_tablespaces


class Verify(Stage):
    """Verification: both ends are compared, and every difference is named

    What it does
    ------------
    Compares the definitions of each database, as pg_dump writes them on both ends, and the rows of each table: in
    full, by chunk hashes that do not depend on the order of rows and that both servers compute at once. The kinds of
    object add what else they hold: sequences, large objects, roles, grants, settings. A row that differs is named by
    its key, with the values of both ends.

    Why it matters
    --------------
    A migration that says it is done is a claim; this is the proof. What servers of two versions spell otherwise is not
    a difference, and what differs by one character is.

    Spec
    ----
    `mode`: `full` compares all rows, `sample` a part of them (the same on both ends, chosen by key), `rows` only their
    number, `none` nothing at all, not even definitions. `sample_percent` and `max_rows_listed` say how many.

    Needs
    -----
    SELECT on all that was moved, on both ends. Each table is read once from end to end on either server.

    Example
    -------
    ::

        migration:
          stages: {verify: {mode: sample, sample_percent: 5}}

    Limits
    ------
    What writers change on either end after the copy is a difference. Where the source is older than version 12,
    floating point numbers inside composites, ranges and extension types are compared to 15 digits.
    """

    name = "stage.verify"
    after = ("stage.structure", "stage.full", "stage.indexes")
    options = {
        "properties": {
            "mode": {
                "enum": ["full", "sample", "rows", "none"],
                "default": "full",
                "description": "How much of the rows is compared.",
            },
            "sample_percent": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 100,
                "default": 10,
                "description": "The part of the rows that mode sample compares.",
            },
            "max_rows_listed": {
                "type": "integer",
                "minimum": 0,
                "default": 20,
                "description": "How many differing rows of a table are named; all are counted.",
            },
        }
    }

    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return one step for the definitions of each database, then the steps of the kinds."""
        if context.options(self.name)["mode"] == "none":
            return
        for database in context.inventory.databases.values():
            yield self._definitions(database, context)
        for kind in acting_kinds(context):
            yield from kind.steps("verify", context)

    def do_definitions(self, context: StepContext) -> StepResult:
        """Compare the definitions of a database."""
        from dtsrun.compare import compare_definitions

        return compare_definitions(context)

    def _definitions(self, database: Database, context: PlanContext) -> Step:
        return Step(
            key=f"{database.name}/verify/definitions",
            stage="verify",
            plugin=self.name,
            action="definitions",
            database=database.name,
            args={
                "labels": _labels(database, context),
                "ignore": _ignored(database, context),
                "rename": {database.name: database.target},
                "tablespaces": dict(mapped_tablespaces(context)),
            },
            lane=Lane.VERIFY,
            marked=False,
            depends_softly=True,
            title=f"compare the definitions of {database.name}",
        )


def _labels(database: Database, context: PlanContext) -> Sequence[str] | None:
    """Return what was selected, or None where all of the database was, so that the target must hold nothing else."""
    selection = context.spec.selection
    chosen = selection.databases.get(database.name)
    if selection.entire_instance or chosen is None or not (chosen.include or chosen.exclude):
        return None
    return sorted({entry.label for entry in database.entries.values()})


def _ignored(database: Database, context: PlanContext) -> Sequence[str]:
    """Return what is not compared: what stayed on the target as it was, because the user said so; and the settings of
    a database with a fence, which are compared one by one."""
    if context.spec.migration_type is MigrationType.FULL_INCREMENTAL:
        fenced = [f"DATABASE PROPERTIES {database.name}"]
    else:
        fenced = []
    if context.spec.on_conflict != "skip":
        return fenced
    gone = left_out(database, context.existing(database.name))
    return sorted({*fenced, *(database.entries[number].label for number in gone)})
