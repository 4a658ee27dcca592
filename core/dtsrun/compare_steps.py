"""The steps that compare the rows of a database's tables: one for each, but for small ones, of which many go in one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from dtsrun.api import Database, Step
from dtsrun.copy_steps import MANY_TABLES, batches
from dtsrun.table_rows import LEAST_FROZEN, TableRows

BATCHED = "compare_batch"
"""The action of a step for many tables."""


def compare_steps(database: Database, rows: TableRows) -> Iterator[Step]:
    """Yield the steps that compare the tables of a database."""
    small = [table for table in rows.stable if table.bytes < LEAST_FROZEN]
    together = {table.oid for table in small} if len(small) >= MANY_TABLES else set()
    yield from (rows.comparing(table) for table in rows.stable if table.oid not in together)
    if together:
        for number, batch in enumerate(batches(small), start=1):
            yield _together(database, number, [rows.comparing(table) for table in batch])
    yield from itertools.starmap(rows.comparing_tree, rows.unstable.items())


def single_steps(step: Step) -> Iterator[Step]:
    """Yield the steps that a step is put together of: one for each of its tables, or itself."""
    if step.action != BATCHED:
        yield step
        return
    for args in step.args["tables"]:
        name = f"{args['schema']}.{args['name']}"
        yield replace(
            step,
            key=f"{step.database}/verify/rows of {args['oid']}",
            action="compare_rows",
            args=args,
            tables=1,
            title=f"compare {name}",
        )


def _together(database: Database, number: int, steps: Sequence[Step]) -> Step:
    return replace(
        steps[0],
        key=f"{database.name}/verify/rows of tables {number:04}",
        action=BATCHED,
        args={"tables": [step.args for step in steps]},
        tables=len(steps),
        size=sum(step.size for step in steps),
        title=f"{steps[0].title}" + (f" and {len(steps) - 1} more" if steps[1:] else ""),
    )
