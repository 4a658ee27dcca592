"""The object kind `sequences`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from dtsrun import marks, sequence_margin
from dtsrun.aligning import aligning
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
    SequenceFact,
    Step,
    StepContext,
    StepResult,
    entry_name,
    rows_name,
)
from dtsrun.copying import is_own_fault, savepoint
from dtsrun.postgres.identifiers import quoted
from dtsrun.postgres.sqlstate import describe
from dtsrun.structure import left_out

TOGETHER: Final = 200
"""Sequences that are read in one query."""

Name = tuple[str, str]
"""Schema and name."""


class Value(NamedTuple):
    """Where a sequence stands."""

    last_value: int
    is_called: bool
    """False: `last_value` itself comes next."""

    def __str__(self) -> str:
        return f"{self.last_value}, {'called' if self.is_called else 'not called yet'}"


class Sequences(ObjectKind):
    """Sequences and where they stand

    What it does
    ------------
    Creates sequences, those of serial and identity columns too, and sets each to the very value of the source: the
    last one given, and whether it was given. That comes after the rows of the database, since a sequence does not keep
    to the snapshot: what is read is what it is at that moment. Verification compares both ends.

    Why it matters
    --------------
    A sequence that is behind its table gives a duplicate key at the first insert after the cutover.

    Spec
    ----
    Chosen with `{sequence: "<schema>.<name>"}` in `include` and `exclude`; a sequence that a column owns comes with its
    table.

    Needs
    -----
    SELECT on the sequences of the source; on the target membership in the roles that will own them.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{sequence: public.invoice_number}]

    Limits
    ------
    What the source gives away after its sequence was read is not carried. Where changes are followed and completion
    finds no fence, but others connected, each sequence that has moved since the copy is set ahead, in its direction
    and up to its bound, by what it gave away on average in two minutes; the report names each. Under a fence it is
    exact.
    """

    name = "object.sequences"
    entry_types = ("SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET")
    selector = "sequence"
    has_data = True

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return the SQL that creates an entry; values come by steps of their own."""
        return () if entry.type == "SEQUENCE SET" else super().statements(entry, database, context)

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return steps that set, or compare, some hundred sequences each."""
        for database in context.inventory.databases.values():
            batches = list(_batches(_moved(database, context)))
            if stage == "full":
                yield from _copying(database, batches)
            elif stage == "complete" and context.spec.migration_type is MigrationType.FULL_INCREMENTAL:
                yield from map(aligning, _copying(database, batches))
            elif stage == "verify":
                yield from _comparing(database, batches)

    def do_copy(self, context: StepContext) -> StepResult:
        """Set the sequences of the target to the values of the source, or ahead of them where writers may go on."""
        values, failures = _read(context.source(), _names(context), "source")
        if context.step.stage != "complete":
            failures += _write(context.target(), values)
            last = {name: value.last_value for name, value in values.items()}
            return StepResult(rows=len(values), failures=tuple(failures), detail=sequence_margin.seen(last))
        wanted = {**values, **_ahead(context, values)}
        failures += _write(context.target(), wanted)
        _remember_margins(context, values, wanted)
        moved = [
            _deviation(context, name, value, wanted[name]) for name, value in values.items() if value != wanted[name]
        ]
        failed = {failure.object for failure in failures}
        aligned = [_alignment(context, name, value) for name, value in wanted.items() if _label(name) not in failed]
        return StepResult(
            rows=len(values), failures=tuple(failures), deviations=tuple(moved), alignments=tuple(aligned)
        )

    def do_compare(self, context: StepContext) -> StepResult:
        """Compare where the sequences of both ends stand."""
        ours, unread = _read(context.source(), _names(context), "source")
        theirs, missing = _read(context.target(), [*ours], "target")
        margins = _margins(context)
        found = [
            _difference(context, name, ours[name], theirs[name])
            for name in theirs
            if ours[name] != theirs[name] and not _is_in_margin(ours[name], theirs[name], margins.get(name))
        ]
        found += [_unreadable(context, failure) for failure in (*unread, *missing)]
        return StepResult(rows=len(theirs), differences=tuple(found))


def _ahead(context: StepContext, values: dict[Name, Value]) -> dict[Name, Value]:
    """Return where to set the sequences that move while writers may go on; none where the source is fenced."""
    target, task = context.target(), context.spec.task.name
    if not values or not sequence_margin.may_writers_go_on(target, task):
        return {}
    mark = marks.read(target, task, f"{context.step.database}/full/{_batch(context)}")
    if mark is None or "values" not in mark.detail:
        return {}
    before = {(schema, name): value for schema, name, value in mark.detail["values"]}
    seconds = time.time() - mark.detail["at"]
    bounds = sequence_margin.read_bounds(context.source(), [*values])
    return {
        name: Value(sequence_margin.ahead(value.last_value, before[name], seconds, bounds[name]), True)
        for name, value in values.items()
        if value.is_called and name in before and name in bounds and value.last_value != before[name]
    }


def _remember_margins(context: StepContext, values: dict[Name, Value], wanted: dict[Name, Value]) -> None:
    """Remember for verification which sequences are ahead, from where to where."""
    ahead = [[*n, v.last_value, wanted[n].last_value] for n, v in values.items() if v != wanted[n]]
    if ahead or _margins(context):
        marks.write(
            context.target(), context.spec.task.name, _margins_key(context), 0, StepResult(detail={"ahead": ahead})
        )


def _margins(context: StepContext) -> dict[Name, tuple[int, int]]:
    target = context.target()
    mark = marks.read(target, context.spec.task.name, _margins_key(context)) if marks.exists(target) else None
    return {(schema, name): (low, high) for schema, name, low, high in mark.detail["ahead"]} if mark else {}


def _is_in_margin(ours: Value, theirs: Value, margin: tuple[int, int] | None) -> bool:
    """Tell whether the target was set ahead, and the source has not used that up."""
    if margin is None or theirs != Value(margin[1], True):
        return False
    return min(margin) <= ours.last_value <= max(margin)


def _batch(context: StepContext) -> str:
    return context.step.key.rpartition("/")[2]


def _margins_key(context: StepContext) -> str:
    return f"margins of {_batch(context)}"


def _label(name: Name) -> str:
    return f"SEQUENCE {'.'.join(name)}"


def _alignment(context: StepContext, name: Name, value: Value) -> Alignment:
    used = "" if value.is_called else ", not given away yet"
    return Alignment(database=context.step.database, object=_label(name), message=f"set to {value.last_value}{used}")


def _deviation(context: StepContext, name: Name, ours: Value, wanted: Value) -> Deviation:
    return Deviation(
        database=context.step.database,
        object=_label(name),
        message=f"was set to {wanted.last_value}, ahead of the source's {ours.last_value}: writers were not fenced, and"
        f" may take what it gives away in {sequence_margin.SECONDS} s",
    )


def _moved(database: Database, context: PlanContext) -> Iterator[SequenceFact]:
    """Yield the sequences whose value is carried: all but those that the target has already and keeps."""
    skips = context.spec.on_conflict == "skip"
    existing = context.existing(database.name)
    gone = left_out(database, existing) if skips else frozenset()
    kept = {e.oid for e in database.entries.values() if e.id in gone and e.type == "SEQUENCE"}
    for sequence in database.sequences:
        extension = database.relations[sequence.oid].extension if sequence.oid in database.relations else None
        if sequence.oid not in kept and not (skips and f"EXTENSION {extension}" in existing):
            yield sequence


def _batches(sequences: Iterator[SequenceFact]) -> Iterator[list[SequenceFact]]:
    while batch := list(islice(sequences, TOGETHER)):
        yield batch


def _counted(batch: list[SequenceFact]) -> str:
    return "1 sequence" if len(batch) == 1 else f"{len(batch)} sequences"


def _copying(database: Database, batches: list[list[SequenceFact]]) -> Iterator[Step]:
    creators = {e.oid: entry_name(database.name, e.id) for e in database.entries.values() if e.type == "SEQUENCE"}
    # The first batch waits for all rows, the others for the first: ten thousand tables need no million edges.
    before: tuple[str, ...] = ()
    rows = tuple(rows_name(database.name, oid) for oid in database.relations)
    for number, batch in enumerate(batches, start=1):
        step = Step(
            key=f"{database.name}/full/sequences {number:04}",
            stage="full",
            plugin=Sequences.name,
            action="copy",
            database=database.name,
            args={"sequences": [[s.schema, s.name] for s in batch]},
            after=before,
            needs=(*(creators[s.oid] for s in batch if s.oid in creators), *(() if before else rows)),
            lane=Lane.COPY,
            depends_softly=True,
            title=f"set {_counted(batch)}",
        )
        before = before or (step.key,)
        yield step


def _comparing(database: Database, batches: list[list[SequenceFact]]) -> Iterator[Step]:
    for number, batch in enumerate(batches, start=1):
        yield Step(
            key=f"{database.name}/verify/sequences {number:04}",
            stage="verify",
            plugin=Sequences.name,
            action="compare",
            database=database.name,
            args={"sequences": [[s.schema, s.name] for s in batch]},
            lane=Lane.VERIFY,
            marked=False,
            depends_softly=True,
            title=f"compare {_counted(batch)}",
        )


def _names(context: StepContext) -> list[Name]:
    return [(schema, name) for schema, name in context.step.args["sequences"]]


def _read(connection: Connection, names: list[Name], side: str) -> tuple[dict[Name, Value], list[Failure]]:
    """Return where sequences stand; if not all can be read at once, those that can, and why the others cannot."""
    if not names:
        return {}, []
    try:
        return _read_at_once(connection, names), []
    except psycopg.Error as error:
        _raise_unless_own_fault(error)
        if len(names) == 1:
            return {}, [_failure(names[0], side, error)]
    found: dict[Name, Value] = {}
    failures: list[Failure] = []
    for name in names:
        values, failed = _read(connection, [name], side)
        found.update(values)
        failures += failed
    return found, failures


def _read_at_once(connection: Connection, names: list[Name]) -> dict[Name, Value]:
    select = sql.SQL("select {} as number, last_value, is_called from {}")
    parts = [select.format(sql.Literal(number), sql.Identifier(*name)) for number, name in enumerate(names)]
    with savepoint(connection):
        rows = connection.execute(sql.SQL(" union all ").join(parts)).fetchall()
    return {names[row.number]: Value(row.last_value, row.is_called) for row in rows}


def _write(connection: Connection, values: dict[Name, Value]) -> list[Failure]:
    """Set sequences; return those that cannot be set."""
    if not values:
        return []
    try:
        _write_at_once(connection, values)
    except psycopg.Error as error:
        _raise_unless_own_fault(error)
        if len(values) == 1:
            return [_failure(next(iter(values)), "target", error)]
        return [failure for name, value in values.items() for failure in _write(connection, {name: value})]
    return []


def _write_at_once(connection: Connection, values: dict[Name, Value]) -> None:
    names = [sql.Identifier(*name).as_string(connection) for name in values]
    numbers = [value.last_value for value in values.values()]
    called = [value.is_called for value in values.values()]
    with savepoint(connection):
        connection.execute(
            "select pg_catalog.setval(s.name::pg_catalog.regclass, s.value, s.is_called)"
            "  from rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::int8[]),"
            " pg_catalog.unnest(%s::bool[])) as s(name, value, is_called)",
            [names, numbers, called],
        )


def _failure(name: Name, side: str, error: psycopg.Error) -> Failure:
    hint = error.diag.message_hint
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        granting = f"grant select on sequence {quoted(*name)}"
        hint = granting if side == "source" else "become a member of the role that owns it"
    return Failure(object=_label(name), message=f"on the {side}: {describe(error)}", hint=hint)


def _raise_unless_own_fault(error: psycopg.Error) -> None:
    if not is_own_fault(error):
        raise error


def _difference(context: StepContext, name: Name, ours: Value, theirs: Value) -> Difference:
    return Difference(
        database=context.step.database,
        object=_label(name),
        aspect="sequence",
        source=str(ours),
        target=str(theirs),
        note="the source may have moved on since it was read" if ours > theirs else None,
    )


def _unreadable(context: StepContext, failure: Failure) -> Difference:
    is_missing = failure.message.startswith("on the target")
    said: Any = ("present", failure.message) if is_missing else (failure.message, "not compared")
    return Difference(
        database=context.step.database, object=failure.object, aspect="sequence", source=said[0], target=said[1]
    )
