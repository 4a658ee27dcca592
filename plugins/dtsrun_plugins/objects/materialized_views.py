"""The object kind `materialized_views`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import psycopg
from psycopg import sql

from dtsrun.aligning import aligned_rows_name, aligning
from dtsrun.analyzing import analyzed
from dtsrun.api import (
    Alignment,
    Connection,
    Database,
    Deviation,
    Difference,
    Entry,
    Failure,
    Lane,
    MigrationType,
    ObjectKind,
    PlanContext,
    Relation,
    Step,
    StepContext,
    StepResult,
    entry_name,
    rows_name,
)
from dtsrun.copying import is_own_fault, savepoint
from dtsrun.postgres.sqlstate import describe
from dtsrun.reading import calls_routines, tables_read, without_circles
from dtsrun.structure import left_out
from dtsrun.table_rows import unique_name

UNKNOWN_NAME: Final = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction, psycopg.errors.UndefinedObject)

VIEW_QUERY: Final = "select pg_catalog.pg_get_viewdef(pg_catalog.to_regclass(%s)) as query"
STALE: Final = sql.SQL(
    "select exists (table {view} except all ({query})) or exists (({query}) except all table {view}) as it_is"
)


class MaterializedViews(ObjectKind):
    """Materialized views

    What it does
    ------------
    Creates materialized views without rows. Those that are populated on the source are refreshed and analyzed on the
    target, after the grants (a refresh runs as the view's owner) and in the order in which they read each other; those
    that are not stay so. Verification compares whether they are populated, and their rows.

    Why it matters
    --------------
    A view that is not populated raises an error when it is read; one that is refreshed too early is empty or wrong.

    Spec
    ----
    Chosen with `{materialized_view: "<schema>.<name>"}` in `include` and `exclude`.

    Needs
    -----
    Membership in the role that owns the view.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{materialized_view: "reports.*"}]

    Limits
    ------
    The rows are made anew, not copied: a view that was stale on the source holds what its query gives now, which the
    report says. One whose query gives something else every time is a difference.
    """

    name = "object.materialized_views"
    entry_types = ("MATERIALIZED VIEW", "MATERIALIZED VIEW DATA")
    selector = "materialized_view"
    has_data = True

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return a step for each view: to refresh it, or to compare it."""
        for database in context.inventory.databases.values():
            views = _moved(database, context)
            if stage == "indexes":
                yield from _refreshing(database, {oid: e for oid, e in views.items() if _is_populated(database, oid)})
            elif stage == "complete" and context.spec.migration_type is MigrationType.FULL_INCREMENTAL:
                populated = {oid: e for oid, e in views.items() if _is_populated(database, oid)}
                yield from _refreshing_again(database, _refreshing(database, populated))
            elif stage == "verify":
                yield from (_comparing(database, database.relations[oid]) for oid in views)

    def do_refresh(self, context: StepContext) -> StepResult:
        """Fill one view."""
        view = _identifier(context)
        context.progress()
        try:
            with savepoint(context.target()):
                context.target().execute(sql.SQL("refresh materialized view {}").format(view))
        except psycopg.Error as error:
            if not is_own_fault(error):
                raise
            return StepResult(failures=(_failure(context, error),))
        if context.step.stage != "complete":
            return StepResult(deviations=analyzed(context, view, _label(context)))
        refreshed = Alignment(database=context.step.database, object=_label(context), message="refreshed")
        return StepResult(alignments=(refreshed,))

    def do_compare(self, context: StepContext) -> StepResult:
        """Compare whether a view is populated on both ends, and its rows if it is."""
        ours, theirs = (_population(end, _identifier(context)) for end in (context.source(), context.target()))
        if ours != theirs:
            return StepResult(differences=(_difference(context, ours, theirs),))
        if ours != "populated":
            return StepResult()
        from dtsrun.compare import compare_rows

        result = compare_rows(context)
        if not result.differences:
            return result
        if _is_stale(context):
            message = "was stale on the source: its query gives other rows there by now, and those the target has"
            deviation = Deviation(database=context.step.database, object=_label(context), message=message)
            return replace(result, differences=(), deviations=(deviation,))
        note = "its rows were made anew: its query may give other rows each time"
        return replace(result, differences=tuple(replace(each, note=note) for each in result.differences))


def _is_stale(context: StepContext) -> bool:
    """Tell whether the source's own view holds other rows than its query gives there."""
    source, view = context.source(), _identifier(context)
    try:
        with savepoint(source):
            found = source.execute(VIEW_QUERY, [view.as_string(source)]).fetchone()
            query = sql.SQL(found.query.rstrip(";") if found else "select")
            row = source.execute(STALE.format(view=view, query=query)).fetchone()
            return bool(row and row.it_is)
    except psycopg.Error as error:
        # Rows of a type without equality (json, xml) cannot be told apart this way: the difference stands.
        if not is_own_fault(error):
            raise
        return False


def _moved(database: Database, context: PlanContext) -> dict[int, Entry]:
    """Return the entries of the views by OID, without those that the target has already and keeps."""
    skips = context.spec.on_conflict == "skip"
    gone = left_out(database, context.existing(database.name)) if skips else frozenset()
    entries = database.entries.values()
    return {e.oid: e for e in entries if e.type == "MATERIALIZED VIEW" and e.id not in gone}


def _is_populated(database: Database, oid: int) -> bool:
    return oid in database.relations and database.relations[oid].populated


def _refreshing_again(database: Database, steps: Iterable[Step]) -> Iterator[Step]:
    """Yield the steps of completion, each after those of the views that it reads, and of tables copied anew by then."""
    known = list(steps)
    filler = {name: step.key for step in known for name in step.provides}
    again = {rows_name(database.name, oid): aligned_rows_name(database.name, oid) for oid in database.relations}
    for step in known:
        step_again = aligning(replace(step, after=tuple(filler[name] for name in step.needs if name in filler)))
        yield replace(step_again, needs=tuple(again[name] for name in step.needs if name in again))


def _refreshing(database: Database, views: Mapping[int, Entry]) -> Iterator[Step]:
    read = {oid: tables_read(database, entry) for oid, entry in views.items()}
    before = without_circles({oid: [other for other in views if other in tables] for oid, tables in read.items()})
    for oid, entry in views.items():
        view = database.relations[oid]
        # What the body of a routine reads is known in part at best: then all rows have to be there.
        tables = database.relations if calls_routines(database, entry) else read[oid]
        yield Step(
            key=f"{database.name}/indexes/refresh {unique_name(view)}",
            stage="indexes",
            plugin=MaterializedViews.name,
            action="refresh",
            database=database.name,
            args={"schema": view.schema, "name": view.name},
            # Not rows_name(oid): an index over the view would wait for it, and it waits for all indexes.
            provides=(_filled(database, oid),),
            needs=(
                entry_name(database.name, entry.id),
                *(rows_name(database.name, table) for table in sorted(tables)),
                *(_filled(database, other) for other in before[oid]),
            ),
            lane=Lane.INDEX,
            size=view.bytes,
            title=f"refresh {view.qualified}",
        )


def _filled(database: Database, oid: int) -> str:
    return f"{database.name}/filled/{oid}"


def _comparing(database: Database, view: Relation) -> Step:
    return Step(
        key=f"{database.name}/verify/rows of {unique_name(view)}",
        stage="verify",
        plugin=MaterializedViews.name,
        action="compare",
        database=database.name,
        args={
            "schema": view.schema,
            "name": view.name,
            "oid": view.oid,
            "type": "MATERIALIZED VIEW",
            "columns": [{"name": c.name, "type": c.type, "type_oid": c.type_oid} for c in view.columns],
            "key": list(view.key),
            "filter": None,
            "where": None,
        },
        lane=Lane.VERIFY,
        size=view.bytes,
        marked=False,
        depends_softly=True,
        title=f"compare {view.qualified}",
    )


def _identifier(context: StepContext) -> sql.Identifier:
    return sql.Identifier(context.step.args["schema"], context.step.args["name"])


def _label(context: StepContext) -> str:
    return f"MATERIALIZED VIEW {context.step.args['schema']}.{context.step.args['name']}"


def _population(connection: Connection, view: sql.Identifier) -> str:
    row = connection.execute(
        "select relispopulated as populated from pg_catalog.pg_class where oid = pg_catalog.to_regclass(%s)",
        [view.as_string(connection)],
    ).fetchone()
    if row is None:
        return "missing"
    return "populated" if row.populated else "not populated"


def _difference(context: StepContext, ours: str, theirs: str) -> Difference:
    return Difference(
        database=context.step.database,
        object=_label(context),
        aspect="missing" if theirs == "missing" else "populated",
        source=ours,
        target=theirs,
    )


def _failure(context: StepContext, error: psycopg.Error) -> Failure:
    hint = error.diag.message_hint
    if isinstance(error, UNKNOWN_NAME):
        hint = "a function that it calls names objects without their schema: attach `set search_path` to the function"
    elif isinstance(error, psycopg.errors.InsufficientPrivilege):
        hint = "a refresh runs as the view's owner, who needs SELECT on what it reads"
    return Failure(object=_label(context), message=f"cannot be refreshed: {describe(error)}", hint=hint)
