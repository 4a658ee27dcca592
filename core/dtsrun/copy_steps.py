"""The steps that copy the tables of a database: one for each, but for small ones, of which many go in one step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from dtsrun.api import Database, Relation, Step
from dtsrun.table_rows import LEAST_FROZEN, TableRows

MANY_TABLES: Final = 64
"""From so many small tables on they are put together; a few cost nothing, and each is seen on its own."""

BATCH_TABLES: Final = 100
BATCH_BYTES: Final = 16 * 2**20
"""Of one batch: some tenths of a second, which is what a crash costs."""


def copy_steps(database: Database, rows: TableRows) -> Iterator[Step]:
    """Yield the steps that copy the tables of a database."""
    small = [table for table in rows.stable if _is_small(table, rows)]
    together = {table.oid for table in small} if len(small) >= MANY_TABLES else set()
    for table in rows.tables:
        if table.oid not in together:
            yield rows.copying(table)
    if together:
        for number, batch in enumerate(_batches(small), start=1):
            yield _copying_batch(database, number, [rows.copying(table) for table in batch])


def _is_small(table: Relation, rows: TableRows) -> bool:
    """Tell whether a table is small, and is neither waited for by another table nor waits for one.

    A batch that waits for another one could be waited for by it.
    """
    is_free = table.extension is None and table.oid not in rows.reads and table.oid not in rows.read
    return is_free and table.bytes < LEAST_FROZEN


def _batches(tables: Sequence[Relation]) -> Iterator[list[Relation]]:
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
        provides=tuple(dict.fromkeys(name for step in steps for name in step.provides)),
        needs=tuple(dict.fromkeys(name for step in steps for name in step.needs)),
        size=sum(step.size for step in steps),
        title=f"{steps[0].title}" + (f" and {len(steps) - 1} more" if steps[1:] else ""),
    )
