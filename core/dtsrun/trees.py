"""The rows of a partitioned table on both ends, compared as a whole.

Where the partition of a row depends on the server (the hash of an enum is that of an OID), partitions cannot be
compared one by one: what counts is that the table holds the same rows.
"""

from __future__ import annotations

from typing import NamedTuple

from dtsrun.api import Connection, Difference, StepContext, StepResult
from dtsrun.compare.canonical import CanonicalForm, agree
from dtsrun.compare.ends import on_both, reading
from dtsrun.compare.listing import difference
from dtsrun.compare.rows import ABSENT
from dtsrun.compare.scan import TableEnd


class _Sums(NamedTuple):
    """Of one end."""

    rows: int
    high: int
    low: int


def compare_tree(context: StepContext) -> StepResult:
    """Compare the rows of a partitioned table, whichever partition they lie in.

    The step's args: `schema`, `name`, `oid` and `columns` of the partitioned table as for `compare_rows`; `leaves`:
    schema, name and row filter (or None) of each partition that holds rows.
    """
    source, target = context.source(), context.target()
    form = agree(source, target, context.step.args["columns"], context.step.args["oid"])
    try:
        with reading(source, form.settings), reading(target, form.settings):
            ends = _ends(context, source, form), _ends(context, target, form, filtered=False)
            ours, theirs = on_both(context, _sums, *ends)
    except ABSENT as error:
        found = difference(context, "missing", "present", error.diag.message_primary or str(error))
        return StepResult(differences=(found,))
    context.progress(rows=ours.rows)
    return StepResult(rows=ours.rows, differences=tuple(_differences(context, ours, theirs)), detail={"mode": "full"})


def _ends(
    context: StepContext, connection: Connection, form: CanonicalForm, *, filtered: bool = True
) -> list[TableEnd]:
    return [
        TableEnd(
            connection=connection,
            schema=schema,
            name=name,
            columns=tuple(context.step.args["columns"]),
            key=(),
            form=form,
            filter=condition if filtered else None,
        )
        for schema, name, condition in context.step.args["leaves"]
    ]


def _sums(leaves: list[TableEnd]) -> _Sums:
    totals = [leaf.totals() for leaf in leaves]
    return _Sums(sum(t.rows for t in totals), sum(int(t.high) for t in totals), sum(int(t.low) for t in totals))


def _differences(context: StepContext, ours: _Sums, theirs: _Sums) -> list[Difference]:
    if ours == theirs:
        return []
    if ours.rows != theirs.rows:
        return [difference(context, "row count", str(ours.rows), str(theirs.rows))]
    note = "some rows differ; as their partition depends on the server, they are not listed"
    return [difference(context, "rows", f"{ours.rows} rows", f"{theirs.rows} rows", note=note)]
