"""The stage `indexes`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun.api import (
    Database,
    Deviation,
    Entry,
    Lane,
    MigrationType,
    PlanContext,
    Resources,
    Section,
    Stage,
    Step,
    StepContext,
    StepResult,
    entry_name,
    rows_name,
)
from dtsrun.inventory.entries import only
from dtsrun.packed import packed
from dtsrun.pairs import Pairs
from dtsrun.postdata import FINAL_TYPES, LAST_TYPES, SMALL_BYTES, Batch, Cost, PostData
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.structure import acting_kinds, left_out, owned_by, planned, planning, restore
from dtsrun.trusted_keys import trusted_keys

FINAL_BATCH: Final = 200
ANALYZED_TOGETHER: Final = 100
ANALYZES_MANY_SINCE: Final = 11
"""The version from which on ANALYZE takes several tables."""


class Indexes(Stage):
    """Indexes, constraints, and all that comes after the rows

    What it does
    ------------
    Builds indexes and constraints of each table as soon as its rows are in, while other tables still copy, several at
    once. Then come triggers, rules and policies, comments and grants, the refreshes of materialized views, and at the
    very end event triggers, subscriptions and the settings of the database. Every table is analyzed after its indexes.

    Why it matters
    --------------
    Most of a migration's time goes into indexes and foreign keys. What needs two tables at once locks both, so that no
    two steps block each other; what is cheap goes in batches, so that ten thousand tables are no more than some
    hundred steps.

    Spec
    ----
    `resources: {index: N}` says how many are built at once, `resources.index_memory` how much memory they have together
    (`maintenance_work_mem` of the sessions that build). Where the cores of the target are known, the workers of an
    index are shared out too, so that there are no more of them than cores; an index that is most of the work gets most
    of them.

    `migration.stages.indexes.foreign_keys` (default `checked`): with `trusted`, a foreign key of a large table is made
    while the table is empty and taken on the source's word, where the source has found it valid, both tables are plain
    and copied whole, its columns are integers, dates, timestamps or UUIDs, the task is of type `full` and its account
    on the target is a superuser. The table waits for the one that it refers to. Rows that turn out to be of another
    snapshot than the referred ones are looked up one by one as they come. `dtsrun plan` names the tables.

    Needs
    -----
    Ownership of the tables; memory and temporary space decide how fast a large index is built.

    Example
    -------
    ::

        resources: {copy: 4, index: 2}

    Limits
    ------
    What fails is named with the server's words, and the rest goes on; a run after the cause is mended tries it again.
    """

    name = "stage.indexes"
    requires = ("stage.structure",)
    after = ("stage.full",)
    options = {
        "properties": {
            "foreign_keys": {
                "enum": ["checked", "trusted"],
                "default": "checked",
                "description": "Whether the target looks up every row of a large table for its foreign keys.",
            }
        }
    }

    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return the steps of each database, those of the kinds in between."""
        yield from _with_shares([packed(step) for step in self._planned(context)], context.resources)
        for kind in acting_kinds(context):
            yield from map(_between, kind.steps("indexes", context))

    def _planned(self, context: PlanContext) -> Iterator[Step]:
        for database in context.inventory.databases.values():
            chosen = _chosen(database, context)
            post = _post_data(database, _early(database, context), context)
            yield from self._building(post, database, context)
            yield from self._analyzing(post, chosen, database, context)
            yield from self._finishing(chosen, database, context)

    def do_restore(self, context: StepContext) -> StepResult:
        """Create the step's entries."""
        return restore(context)

    def do_restore_one(self, context: StepContext) -> StepResult:
        """Create one entry that takes its time, with the memory and the workers that are its share."""
        for name, value in context.step.args.get("settings", {}).items():
            context.target().execute("select pg_catalog.set_config(%s, %s, true)", [name, value])
        return restore(context)

    def do_analyze(self, context: StepContext) -> StepResult:
        """Collect the statistics of tables, each in a transaction of its own."""
        tables = context.step.args["tables"]
        if context.facts("target").major >= ANALYZES_MANY_SINCE and _analyze_together(context, tables):
            return StepResult()
        deviations = [_analyze(context, schema, name) for schema, name in tables]
        return StepResult(deviations=tuple(d for d in deviations if d))

    def _building(self, post: PostData, database: Database, context: PlanContext) -> Iterator[Step]:
        for number, batch in enumerate(post.batches(), start=1):
            if items := planned(batch.entries, database, context):
                yield self._building_step(post, batch, number, database, items)

    def _building_step(
        self, post: PostData, batch: Batch, number: int, database: Database, items: list[dict[str, Any]]
    ) -> Step:
        is_costly = batch.cost is Cost.COSTLY
        first = batch.entries[0]
        what = first.label if is_costly else f"batch {number:04}"
        more = len(items) - 1
        return Step(
            key=f"{database.name}/indexes/{what}",
            stage="indexes",
            plugin=self.name,
            action="restore_one" if is_costly else "restore",
            database=database.name,
            args={"entries": items},
            needs=(f"{database.name}/database", *post.needs(batch)),
            provides=(f"{database.name}/built", *(entry_name(database.name, i["id"]) for i in items)),
            lane=Lane.STRUCTURE if batch.cost is Cost.CATALOG else Lane.INDEX,
            size=sum(map(post.bytes, batch.entries)),
            locks=post.locks(batch),
            title=f"build {first.label}" + (f" and {more} more" if more else ""),
        )

    def _analyzing(
        self, post: PostData, chosen: Sequence[Entry], database: Database, context: PlanContext
    ) -> Iterator[Step]:
        if not _has_rows(context):
            return
        indexes = _indexes_of_tables(chosen, database)
        trees = list(_analyzed(database, context))
        for number, oids in enumerate(_groups(post, trees), start=1):
            below = {each for oid in oids for each in post.tree(oid)}
            needed = [entry_name(database.name, i) for oid in sorted(below) for i in indexes.of(oid)]
            yield self._analyzing_step(post, number, oids, needed, database)

    def _analyzing_step(
        self, post: PostData, number: int, oids: Sequence[int], needed: Sequence[str], database: Database
    ) -> Step:
        tables = [database.relations[oid] for oid in oids]
        more = len(tables) - 1
        return Step(
            key=f"{database.name}/indexes/analyze {number:04}",
            stage="indexes",
            plugin=self.name,
            action="analyze",
            database=database.name,
            args={"tables": [[table.schema, table.name] for table in tables]},
            needs=(*needed, *(rows_name(database.name, oid) for oid in oids)),
            provides=(f"{database.name}/refreshed",),
            lane=Lane.INDEX,
            size=sum(map(post.tree_bytes, oids)),
            # In one transaction its locks on many tables could cross those of a foreign key.
            transactional=False,
            title=f"analyze {tables[0].qualified}" + (f" and {more} more" if more else ""),
        )

    def _finishing(self, chosen: Sequence[Entry], database: Database, context: PlanContext) -> Iterator[Step]:
        last = _last(chosen)
        final = [e for e in chosen if e.type in FINAL_TYPES and e.id not in last]
        name = database.name
        yield from self._chain("grants", final, (f"{name}/built",), f"{name}/granted", database, context)
        everything = (f"{name}/built", f"{name}/granted", f"{name}/refreshed")
        ending = [e for e in chosen if e.id in last]
        yield from self._chain("last", ending, everything, f"{name}/settled", database, context)

    def _chain(
        self,
        what: str,
        entries: Sequence[Entry],
        needs: tuple[str, ...],
        provides: str,
        database: Database,
        context: PlanContext,
    ) -> Iterator[Step]:
        """Yield steps one after the other, which go on even where something before them failed."""
        before: tuple[str, ...] = ()
        items = planning(entries, database, context)
        parts = iter(lambda: list(islice(items, FINAL_BATCH)), [])
        for number, part in enumerate(parts, start=1):
            key = f"{database.name}/indexes/{what} {number:04}"
            own = {item["id"] for item in part}
            waits = [entry_name(database.name, i) for item in part for i in item["after"] if i not in own]
            yield Step(
                key=key,
                stage="indexes",
                plugin=self.name,
                action="restore",
                database=database.name,
                args={"entries": part},
                after=before,
                needs=tuple(dict.fromkeys((f"{database.name}/database", *needs, *waits))),
                provides=(provides, *(entry_name(database.name, item["id"]) for item in part)),
                depends_softly=True,
                title=f"set {part[0]['label']}" + (f" and {len(part) - 1} more" if part[1:] else ""),
            )
            before = (key,)


def _post_data(database: Database, entries: Sequence[Entry], context: PlanContext) -> PostData:
    trusted = trusted_keys(database, context).values()
    return PostData(
        database,
        entries,
        has_rows=_has_rows(context),
        before_rows={key.entry: key.table for key in trusted},
        alone={key.index for key in trusted},
    )


def _with_shares(steps: Sequence[Step], resources: Resources) -> Iterator[Step]:
    """Give each step that builds one large index its share of the target's memory and workers."""
    all_bytes = sum(step.size for step in steps if _is_build(step))
    for step in steps:
        if step.action == "restore_one":
            part = step.size / all_bytes if _is_build(step) else 0.0
            step = replace(step, args={**step.args, "settings": _share(resources, part)})
        yield step


def _is_build(step: Step) -> bool:
    """Tell whether a step builds one large index, which is what workers can help with."""
    return step.action == "restore_one" and step.args["entries"][0]["label"].startswith(("INDEX ", "CONSTRAINT "))


def _share(resources: Resources, part: float) -> dict[str, str]:
    """Return the settings of a session that builds one of several indexes at once.

    Args:
        part: of all that is read for large indexes. One that is most of the work would be built alone while
            the cores that are set aside for others stand idle, so it gets that part of all workers.
    """
    settings = {}
    if resources.index_memory is not None:
        settings["maintenance_work_mem"] = f"{max(1024, resources.index_memory // (resources.index or 1) // 1024)}kB"
    if resources.index_workers is not None:
        cores = (resources.index or 1) * (resources.index_workers + 1)
        workers = max(resources.index_workers, round(cores * part) - 1)
        settings["max_parallel_maintenance_workers"] = str(workers)
    return settings


def _has_rows(context: PlanContext) -> bool:
    return context.spec.migration_type is not MigrationType.STRUCTURAL


def _gone(database: Database, context: PlanContext) -> frozenset[int]:
    skips = context.spec.on_conflict == "skip"
    return left_out(database, context.existing(database.name)) if skips else frozenset()


def _chosen(database: Database, context: PlanContext) -> Sequence[Entry]:
    gone = _gone(database, context)
    return only(database.entries, lambda e: e.id not in gone and (e.section is Section.POST_DATA or _late(e)))


def _early(database: Database, context: PlanContext) -> Sequence[Entry]:
    gone = _gone(database, context)
    return only(database.entries, lambda e: e.id not in gone and e.section is Section.POST_DATA and not _late(e))


def _late(entry: Entry) -> bool:
    return entry.type in FINAL_TYPES or entry.type in LAST_TYPES


def _last(chosen: Sequence[Entry]) -> set[int]:
    """Return ids of what comes last, and of the comments and grants on it."""
    last: set[int] = set()
    for entry in chosen:
        if entry.type in LAST_TYPES or (entry.type in FINAL_TYPES and last & set(entry.depends_on)):
            last.add(entry.id)
    return last


def _between(step: Step) -> Step:
    """Put a kind's step after the grants and before what comes last, unless it says itself that it is the very last.

    A refresh runs as the owner of the view, who may need what is granted.
    """
    name = step.database
    if name is None or f"{name}/settled" in step.needs:
        return step
    needs = (*step.needs, f"{name}/built", f"{name}/granted")
    return replace(step, needs=needs, provides=(*step.provides, f"{name}/refreshed"), depends_softly=True)


def _indexes_of_tables(chosen: Sequence[Entry], database: Database) -> Pairs:
    return Pairs(
        (database.entries[owner].oid, entry.id)
        for entry in chosen
        if entry.type in ("INDEX", "CONSTRAINT", "STATISTICS")
        for owner in owned_by(entry, database)
    )


def _analyzed(database: Database, context: PlanContext) -> Iterator[int]:
    """Yield tables to analyze; a partitioned one takes its partitions along."""
    gone = {database.entries[i].oid for i in _gone(database, context)}
    for relation in database.relations.values():
        is_own = relation.relkind in ("r", "p") and not relation.is_partition and relation.extension is None
        if is_own and relation.oid not in gone:
            yield relation.oid


def _groups(post: PostData, trees: Sequence[int]) -> Iterator[list[int]]:
    small = [oid for oid in trees if post.tree_bytes(oid) <= SMALL_BYTES]
    for start in range(0, len(small), ANALYZED_TOGETHER):
        yield small[start : start + ANALYZED_TOGETHER]
    yield from ([oid] for oid in trees if post.tree_bytes(oid) > SMALL_BYTES)


def _analyze_together(context: StepContext, tables: Sequence[Sequence[str]]) -> bool:
    """Analyze tables by one statement, which commits after each; return False where one of them cannot be."""
    context.progress()
    names = (sql.Identifier(schema, name) for schema, name in tables)
    try:
        context.target().execute(sql.SQL("analyze {}").format(sql.SQL(", ").join(names)))
    except psycopg.Error as error:
        if _is_not_of_the_table(error):
            raise
        return False  # one by one, it is named
    return True


def _is_not_of_the_table(error: psycopg.Error) -> bool:
    return reaction(error) is Reaction.RETRY or error.sqlstate in (None, "57014")


def _analyze(context: StepContext, schema: str, name: str) -> Deviation | None:
    context.progress()
    try:
        context.target().execute(sql.SQL("analyze {}").format(sql.Identifier(schema, name)))
    except psycopg.Error as error:
        if _is_not_of_the_table(error):
            raise
        # An heir that is a foreign table takes its server: nothing is lost, and the user can analyze it later.
        message = f"not analyzed: {describe(error)}"
        return Deviation(database=context.step.database, object=f"TABLE {schema}.{name}", message=message)
    return None
