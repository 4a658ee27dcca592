"""The rows of many small tables in one step: one transaction, one mark.

A step costs some milliseconds, a table of a few rows far less than one: ten thousand steps would be most of the work.
All tables go at once; where one of them has a fault, everything is undone and they go one by one, so that each failure
has its table's name and the others arrive.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import psycopg
from psycopg import sql

from dtsrun.api import Connection, Deviation, StepContext, StepResult
from dtsrun.copied_table import WAY, Table, way_text
from dtsrun.copying import PLAIN_MONEY, copy_one, is_own_fault, savepoint, server_encoding, text_deviation
from dtsrun.postgres.mover import copy_rows

DONE: Final = "done"
"""Key of the step's detail: labels of tables that need not be copied again."""

EPOCH: Final = "epoch"
"""Key of the step's detail: number of the snapshot that they were read in."""


def copy_batch(context: StepContext) -> StepResult:
    """Copy the tables that the step's argument `tables` describes. A run after failures copies only the rest.

    Raises:
        psycopg.Error: not a table's own fault: the connection broke, the server stops, a deadlock.
        Interrupted: the user stopped the task.
    """
    every = [Table(**each) for each in context.step.args["tables"]]
    done = _still_done(context, every)
    tables = [table for table in every if table.label not in done]
    if not done and not _any_holds_rows(context.target(), tables):
        try:
            return _together(context, tables)
        except psycopg.Error as error:
            if not is_own_fault(error):
                raise
    return _one_by_one(context, tables, done)


def _still_done(context: StepContext, tables: Sequence[Table]) -> list[str]:
    """Return labels of the tables that an earlier run copied in the same snapshot.

    A step's mark has one epoch, which says from where on the changes of all its tables are followed: rows of an older
    snapshot go, and are copied anew.
    """
    done = list(context.earlier.get(DONE, ()))
    if not done or context.earlier.get(EPOCH) == context.epoch:
        return done
    for table in (table for table in tables if table.label in done):
        context.target().execute(sql.SQL("delete from only {}").format(table.identifier))
    return []


def _any_holds_rows(target: Connection, tables: Sequence[Table]) -> bool:
    each = (sql.SQL("exists (select from only {})").format(table.identifier) for table in tables)
    try:
        with savepoint(target):
            row = target.execute(sql.SQL("select {} as found").format(sql.SQL(" or ").join(each))).fetchone()
    except psycopg.Error as error:
        if not is_own_fault(error):
            raise
        return True  # one of them is not there: it will be named
    return bool(row and row.found)


def _together(context: StepContext, tables: Sequence[Table]) -> StepResult:
    source, target, encoding = context.source(), context.target(), server_encoding(context.target())
    rows = size = 0
    ways = set()
    with savepoint(source, PLAIN_MONEY), savepoint(target, PLAIN_MONEY):
        for table in tables:
            copy_from = table.copy_from(encoding, freeze=False)
            out, progress = table.copy_to(), context.progress
            moved = copy_rows(source, out, target, copy_from, progress=progress, few=table.few)
            rows, size = rows + moved.rows, size + moved.bytes
            ways.add((moved.mover, table.format))
    return StepResult(
        rows=rows, bytes=size, deviations=_said(context, tables), detail={WAY: way_text(ways)} if ways else {}
    )


def _said(context: StepContext, tables: Sequence[Table]) -> tuple[Deviation, ...]:
    return tuple(text_deviation(context, table) for table in tables if table.format_refused)


def _one_by_one(context: StepContext, tables: Sequence[Table], done: list[str]) -> StepResult:
    results = []
    for table in tables:
        result = copy_one(context, table)
        results.append(result)
        if not result.failures:
            done.append(table.label)
    failures = tuple(failure for result in results for failure in result.failures)
    return StepResult(
        rows=sum(result.rows for result in results),
        bytes=sum(result.bytes for result in results),
        failures=failures,
        deviations=tuple(deviation for result in results for deviation in result.deviations),
        detail={DONE: done, EPOCH: context.epoch} if failures else {},
    )
