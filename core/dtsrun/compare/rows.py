"""The rows of one table on both ends, compared in full by chunk hashes that the servers compute.

One pass over either end gives the number of rows and the sums of their hashes, which do not depend on the order of
rows. Only where these differ does another pass sum up in a few thousand buckets, and only the rows of buckets that
differ are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from dtsrun.api import Connection, Difference, StepContext, StepResult
from dtsrun.compare.canonical import CanonicalForm, agree
from dtsrun.compare.ends import on_both, reading
from dtsrun.compare.listing import difference, list_rows
from dtsrun.compare.scan import Sums, TableEnd

DEFAULT_PERCENT: Final = 10.0
DEFAULT_LISTED: Final = 20

ABSENT: Final = (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName, psycopg.errors.UndefinedColumn)
"""What a server says where the table, or a column of it, is not there: a difference, not a fault of ours."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the step asks for."""

    mode: str
    percent: float
    listed: int


def compare_rows(context: StepContext) -> StepResult:
    """Compare the rows of one table.

    The step's args: `schema`, `name`, `oid` (on the source), `columns` (each `name`, `type`, `type_oid`), `key` (names
    of columns, may be empty), `filter` (which rows were moved: a boolean expression or None), `where` (which rows count
    on either end, for an extension's table), `mode` (`full`, `sample`, `rows`). Optional: `sample_percent`,
    `max_rows_listed` and `type` (`TABLE`), else what the spec says of the stage `verify`.
    """
    source, target = ends_of(context)
    if missing := absent_end(context, source, target):
        return StepResult(differences=(missing,))
    with reading(source.connection, source.form.settings), reading(target.connection, target.form.settings):
        differences, rows = _compare(context, source, target)
    context.progress(rows=rows)
    return StepResult(rows=rows, differences=tuple(differences), detail={"mode": order_of(context).mode, "rows": rows})


def absent_end(context: StepContext, source: TableEnd, target: TableEnd) -> Difference | None:
    """Return the difference that the table, or a column of it, is not there on one end; None where it is on both."""
    absent = [_absence(end) for end in (source, target)]
    if not any(absent):
        return None
    ours, theirs = (text or "present" for text in absent)
    return difference(context, "missing", ours, theirs)


def ends_of(context: StepContext) -> tuple[TableEnd, TableEnd]:
    """Return both ends of the step's comparison: source, target."""
    args, source, target = context.step.args, context.source(), context.target()
    form = agree(source, target, args["columns"], args.get("oid"))
    return _end(context, source, form, args.get("filter")), _end(context, target, form, None)


def _end(context: StepContext, connection: Connection, form: CanonicalForm, only: str | None) -> TableEnd:
    args, order = context.step.args, order_of(context)
    return TableEnd(
        connection=connection,
        schema=args["schema"],
        name=args["name"],
        columns=tuple(args["columns"]),
        key=tuple(args["key"]),
        form=form,
        where=args.get("where"),
        filter=only,
        percent=order.percent if order.mode == "sample" else 100.0,
    )


def _compare(context: StepContext, source: TableEnd, target: TableEnd) -> tuple[list[Difference], int]:
    order = order_of(context)
    if order.mode != "full":
        counts = on_both(context, TableEnd.count, source, target)
        if order.mode == "rows":
            return _count_differences(context, *counts), counts[0]
    totals = on_both(context, TableEnd.totals, source, target)
    if order.mode == "full":
        counts = (totals[0].rows, totals[1].rows)
    found = _count_differences(context, *counts)
    if totals[0] != totals[1]:
        # Whoever writes between the two passes may make both ends equal.
        differing = differing_buckets(*on_both(context, TableEnd.buckets, source, target))
        found += list_rows(context, source, target, differing, order.listed) if differing else []
    return found, counts[0]


def differing_buckets(source: Mapping[int, Sums], target: Mapping[int, Sums]) -> dict[int, int]:
    """Return the buckets that differ, with the number of rows to look at in each."""
    return {
        n: max(_rows(source, n), _rows(target, n)) for n in source.keys() | target if source.get(n) != target.get(n)
    }


def _rows(buckets: Mapping[int, Any], number: int) -> int:
    return buckets[number].rows if number in buckets else 0


def _count_differences(context: StepContext, source: int, target: int) -> list[Difference]:
    if source == target:
        return []
    return [difference(context, "row count", str(source), str(target))]


def _absence(end: TableEnd) -> str | None:
    """Return what the server says where the table or a column of it is not there."""
    try:
        with reading(end.connection, {}):
            end.look()
    except ABSENT as error:
        return error.diag.message_primary
    return None


def order_of(context: StepContext) -> Order:
    """Return what the step asks for, over what the spec says of the stage."""
    given: Mapping[str, Any] = {**context.spec.stages.get("verify", {}), **context.step.args}
    return Order(
        mode=given.get("mode", "full"),
        percent=float(given.get("sample_percent", DEFAULT_PERCENT)),
        listed=int(given.get("max_rows_listed", DEFAULT_LISTED)),
    )
