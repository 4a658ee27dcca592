"""The steps that copy the tables of a database: one for each, but for small ones, of which many go in one step, and
large ones, which are cut into parts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from dtsrun.api import Database, Relation, Resources, Step, own_rows_name
from dtsrun.copying_range import range_key
from dtsrun.packed import packed
from dtsrun.table_rows import LEAST_FROZEN, TableRows

MANY_TABLES: Final = 64
"""From so many small tables on they are put together; a few cost nothing, and each is seen on its own."""

BATCH_TABLES: Final = 100
BATCH_BYTES: Final = 16 * 2**20
"""Of one batch: some tenths of a second, which is what a crash costs."""


RANGES_SINCE: Final = 14
"""The source's version from which on it reads a range of pages without the others (TID Range Scan)."""

MOST_PARTS: Final = 1000


def copy_steps(database: Database, rows: TableRows, resources: Resources, source_major: int) -> Iterable[Step]:
    """Return the steps that copy the tables of a database.

    Args:
        resources: with `split_tables_larger_than` decided: None splits no table.
    """
    steps = _copy_steps(database, rows, resources, source_major)
    return _with_trust(list(steps), database, rows) if rows.trusted else steps


def _copy_steps(database: Database, rows: TableRows, resources: Resources, source_major: int) -> Iterator[Step]:
    small = [table for table in rows.stable if _is_small(table, rows)]
    together = {table.oid for table in small} if len(small) >= MANY_TABLES else set()
    for table in rows.tables:
        if table.oid not in together:
            count = _parts(table, resources.split_tables_larger_than) if source_major >= RANGES_SINCE else 1
            step = rows.copying(table)
            yield from _copying_ranges(step, table, count) if count > 1 and _can_be_cut(step) else [step]
    if together:
        for number, batch in enumerate(batches(small), start=1):
            yield packed(_copying_batch(database, number, [rows.copying(table) for table in batch]))


def _with_trust(steps: Sequence[Step], database: Database, rows: TableRows) -> list[Step]:
    """Name in the steps of each table whose keys are taken on trust those that fill the tables which they refer to."""
    fillers: dict[str, list[str]] = {}
    for step in steps:
        for name in step.provides:
            fillers.setdefault(name, []).append(step.key)
    trusts = {
        own_rows_name(database.name, oid): [
            key for other in sorted(referred) for key in fillers.get(own_rows_name(database.name, other), ())
        ]
        for oid, referred in rows.trusted.items()
    }
    return [_trusting(step, next((trusts[name] for name in step.provides if name in trusts), None)) for step in steps]


def _trusting(step: Step, keys: list[str] | None) -> Step:
    if keys is None:
        return step
    if "tables" in step.args:
        args = {**step.args, "tables": [{**table, "trusts": keys} for table in step.args["tables"]]}
    else:
        args = {**step.args, "trusts": keys}
    return replace(step, args=args)


def _is_small(table: Relation, rows: TableRows) -> bool:
    """Tell whether a table is small, and is neither waited for by another table nor waits for one.

    A batch that waits for another one could be waited for by it.
    """
    is_free = (
        table.extension is None
        and table.oid not in rows.trusted
        and table.oid not in rows.reads
        and table.oid not in rows.read
    )
    return is_free and table.bytes < LEAST_FROZEN


def _parts(table: Relation, larger_than: int | None) -> int:
    """Return in how many parts a table is copied."""
    if larger_than is None or table.bytes <= larger_than:
        return 1
    return min(math.ceil(table.bytes / larger_than), max(table.pages, 1), MOST_PARTS)


def _can_be_cut(step: Step) -> bool:
    # What goes through the root, or beside an extension's own rows, is not of this task alone.
    return not step.args.get("routed", False) and not step.args.get("where")


def _copying_ranges(step: Step, table: Relation, count: int) -> Iterator[Step]:
    """Yield a step for each part. The last one has no end: the table may have grown since it was looked at."""
    bounds = [table.pages * number // count for number in range(count)]
    for number, (start, end) in enumerate(zip(bounds, [*bounds[1:], None], strict=True), start=1):
        part = {**step.args, "pages": [start or None, end]}
        yield replace(
            step,
            key=range_key(step.key, number, count),
            action="copy_range",
            args={"tables": [part], "part": number, "parts": count},
            tables=int(number == 1),
            size=table.bytes // count,
            title=f"{step.title}, part {number} of {count}",
        )


def batches(tables: Sequence[Relation]) -> Iterator[list[Relation]]:
    """Yield small tables as they go together in one step."""
    batch: list[Relation] = []
    for table in tables:
        if len(batch) >= BATCH_TABLES or sum(each.bytes for each in batch) + table.bytes > BATCH_BYTES:
            yield batch
            batch = []
        batch.append(table)
    yield batch


def _copying_batch(database: Database, number: int, steps: Sequence[Step]) -> Step:
    return replace(
        steps[0],
        key=f"{database.name}/full/tables {number:04}",
        action="copy_batch",
        args={"tables": [step.args for step in steps]},
        tables=len(steps),
        provides=tuple(dict.fromkeys(name for step in steps for name in step.provides)),
        needs=tuple(dict.fromkeys(name for step in steps for name in step.needs)),
        size=sum(step.size for step in steps),
        title=f"{steps[0].title}" + (f" and {len(steps) - 1} more" if steps[1:] else ""),
    )
