"""The object kind `foreign_keys`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import psycopg
from psycopg import sql

from dtsrun.aligning import aligned_rows_name, aligning
from dtsrun.api import (
    Alignment,
    Connection,
    Database,
    Entry,
    Failure,
    MigrationType,
    ObjectKind,
    PlanContext,
    Step,
    StepContext,
    StepResult,
)
from dtsrun.copying import is_own_fault, savepoint
from dtsrun.late_keys import is_about_foreign_key
from dtsrun.packed import packed
from dtsrun.postgres.sqlstate import describe
from dtsrun.structure import left_out, planned, restore


class ForeignKeys(ObjectKind):
    """Foreign keys, circular ones included

    What it does
    ------------
    Adds each foreign key after the rows and keys of both its tables. What is NOT VALID stays so; actions, match
    type and deferrability are kept. Where changes are followed and a killed copy went on in another snapshot, rows of
    its tables may be of different moments: such a key comes NOT VALID, and completion validates it.

    Why it matters
    --------------
    Tables that refer to each other in a circle can be filled in no order while the keys stand.

    Spec
    ----
    Nothing to set: it comes along with the object that it belongs to. `migration.stages.indexes.foreign_keys: trusted`
    takes those of large tables on the source's word, see the stage `indexes`.

    Needs
    -----
    Ownership of the referring table, REFERENCES on the other.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{table: "public.orders"}]

    Limits
    ------
    A foreign key fails where rows violate it (disabled triggers on the source allow that); it is reported with
    the first row that does. Completion reads a table of which a key is validated then from end to end; until then
    `dtsrun verify` does not count it as a difference that such a key is NOT VALID.
    """

    name = "object.foreign_keys"
    entry_types = ("FK CONSTRAINT",)

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return a step of completion for each database that has foreign keys."""
        if stage == "complete" and context.spec.migration_type is MigrationType.FULL_INCREMENTAL:
            for database in context.inventory.databases.values():
                yield from _aligning(database, _valid_keys(database, context), context)

    def do_align(self, context: StepContext) -> StepResult:
        """Make foreign keys whole that the copy could not: all changes are applied now."""
        schemas = sorted({entry["schema"] for entry in context.step.args["entries"]})
        ours, theirs = (_keys(end, schemas) for end in (context.source(), context.target()))
        # One that was dropped on the source meanwhile is not made again.
        entries = [each for each in context.step.args["entries"] if (key := ours.get(each["tag"])) and key.is_valid]
        missing = [entry for entry in entries if entry["tag"] not in theirs]
        unvalidated = [entry for entry in entries if entry["tag"] in theirs and not theirs[entry["tag"]].is_valid]
        made = restore(context, [*missing, *_comments(context, missing)]) if missing else StepResult()
        tried = [_validate(context, entry["label"], theirs[entry["tag"]]) for entry in unvalidated]
        failures = (*made.failures, *(failure for failure in tried if failure))
        failed = {failure.object for failure in failures}
        done = [entry["label"] for entry in (*missing, *unvalidated) if entry["label"] not in failed]
        database = context.step.database
        alignments = tuple(Alignment(database=database, object=label, message="validated") for label in done)
        return StepResult(failures=failures, deviations=made.deviations, alignments=alignments)


def _valid_keys(database: Database, context: PlanContext) -> list[Entry]:
    gone = left_out(database, context.existing(database.name)) if context.spec.on_conflict == "skip" else frozenset()
    return [
        entry
        for entry in database.entries.values()
        if entry.type == "FK CONSTRAINT"
        and entry.id not in gone
        and not entry.sql.rstrip("; \n").endswith(("NOT VALID", "NOT ENFORCED"))
    ]


def _aligning(database: Database, keys: list[Entry], context: PlanContext) -> Iterator[Step]:
    items = {item["id"]: item for item in planned(keys, database, context)}
    entries = [
        {**items[key.id], "schema": key.schema, "tag": f"{key.schema} {key.name}"} for key in keys if key.id in items
    ]
    said = [entry for entry in database.entries.values() if is_about_foreign_key(entry, database)]
    if entries:
        step = Step(
            key=f"{database.name}/complete/foreign keys",
            stage="complete",
            plugin=ForeignKeys.name,
            action="align",
            database=database.name,
            args={"entries": entries, "comments": planned(said, database, context)},
            title="validate foreign keys",
        )
        read = sorted({oid for key in keys for oid in _tables(database, key)})
        yield replace(aligning(packed(step)), needs=tuple(aligned_rows_name(database.name, oid) for oid in read))


def _comments(context: StepContext, keys: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    ids = {key["id"] for key in keys}
    return [comment for comment in context.step.args.get("comments", ()) if ids & set(comment["after"])]


def _tables(database: Database, key: Entry) -> Iterator[int]:
    """Yield OIDs of the tables of a foreign key: it depends on them, and on the index that it refers to."""
    direct = [database.entries[i] for i in key.depends_on if i in database.entries]
    onwards = [database.entries[i] for e in direct for i in e.depends_on if i in database.entries]
    yield from (entry.oid for entry in (*direct, *onwards) if entry.oid in database.relations and entry.type == "TABLE")


def _keys(end: Connection, schemas: Sequence[str]) -> dict[str, Any]:
    """Return the foreign keys of an end's schemas by schema and tag."""
    rows = end.execute(
        "select n.nspname || ' ' || c.relname || ' ' || k.conname as tag, n.nspname::text as schema,"
        "       c.relname::text as table, k.conname::text as name, k.convalidated as is_valid"
        "  from pg_catalog.pg_constraint k"
        "  join pg_catalog.pg_class c on c.oid = k.conrelid"
        "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where k.contype = 'f' and n.nspname = any (%s)",
        [list(schemas)],
    )
    return {row.tag: row for row in rows.fetchall()}


def _validate(context: StepContext, label: str, key: Any) -> Failure | None:
    context.progress()
    statement = sql.SQL("alter table {} validate constraint {}").format(
        sql.Identifier(key.schema, key.table), sql.Identifier(key.name)
    )
    try:
        with savepoint(context.target()):
            context.target().execute(statement)
    except psycopg.Error as error:
        if not is_own_fault(error):
            raise
        return Failure(object=label, message=describe(error), hint=error.diag.message_detail)
    return None
