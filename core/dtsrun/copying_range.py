"""One part of a large table, beside its other parts: each is a step with a transaction and a mark of its own.

Parts are ranges of the source's pages. A row that was updated between two snapshots lies on another page, so that parts
of two snapshots would lose it or hold it twice: all parts of a table come from one snapshot. Where parts of an older
one are there already, the first step of the new one empties the table, copies all of it, and marks every part as done.
"""

from __future__ import annotations

import psycopg
from psycopg import sql

from dtsrun import marks
from dtsrun.api import Deviation, Failure, StepContext, StepResult
from dtsrun.copied_table import Table
from dtsrun.copying import copy_one, explained, is_own_fault, move_rows, savepoint
from dtsrun.marks import Mark
from dtsrun.postgres.sqlstate import SnapshotLost


def range_key(table_key: str, part: int, parts: int) -> str:
    """Return the key of the step that copies one part; parts count from 1."""
    return f"{table_key} part {part:04} of {parts:04}"


def copy_range(context: StepContext) -> StepResult:
    """Copy the part of a table that the step describes.

    The step's args: `tables`: the table with its range of pages, alone; `part` and `parts`: which of how many.

    Raises:
        SnapshotLost: other parts were copied in a newer snapshot than ours.
        psycopg.Error: not the table's own fault.
        Interrupted: the user stopped the task.
    """
    return _Range(context).run()


class _Range:
    """One part on its way."""

    def __init__(self, context: StepContext) -> None:
        self._context = context
        self._table = Table(**context.step.args["tables"][0])
        part, parts = context.step.args["part"], context.step.args["parts"]
        base = context.step.key.removesuffix(range_key("", part, parts))
        self._keys = [range_key(base, number, parts) for number in range(1, parts + 1)]

    def run(self) -> StepResult:
        """Copy the part, or what has to be copied instead of it."""
        if failure := self._lock("access exclusive" if self._has_older(self._done()) else "row exclusive"):
            return StepResult(failures=(failure,))
        holds_rows = self._holds_rows()
        done = self._done()  # what was committed before the lock was ours
        if any(mark.epoch > self._context.epoch for mark in done.values()):
            raise SnapshotLost(f"other parts of {self._table.label} were copied in a newer snapshot")
        if self._context.step.key in done:
            return StepResult()
        if self._has_older(done):
            return self._copy_all()
        result = copy_one(self._context, self._table)
        return self._with_word_on_others(result) if holds_rows and not done else result

    def _done(self) -> dict[str, Mark]:
        """Return the marks of all parts that are done."""
        found = marks.read_some(self._context.target(), self._context.spec.task.name, self._keys)
        return {key: mark for key, mark in found.items() if mark.done}

    def _has_older(self, done: dict[str, Mark]) -> bool:
        return any(mark.epoch < self._context.epoch for mark in done.values())

    def _lock(self, mode: str) -> Failure | None:
        """Keep others from emptying the table under us, or from filling it while we empty it."""
        target = self._context.target()
        try:
            with savepoint(target):
                target.execute(sql.SQL("lock table only {} in {} mode").format(self._table.identifier, sql.SQL(mode)))
        except psycopg.Error as error:
            return self._judged(error)
        return None

    def _holds_rows(self) -> bool:
        statement = sql.SQL("select exists (select from only {}) as found").format(self._table.identifier)
        row = self._context.target().execute(statement).fetchone()
        return bool(row and row.found)

    def _copy_all(self) -> StepResult:
        """Empty the table, copy all of it, and let the other parts have nothing left to do."""
        target, task, own = self._context.target(), self._context.spec.task.name, self._context.step.key
        whole = Table(**{**self._context.step.args["tables"][0], "pages": ()})
        try:
            with savepoint(target):
                target.execute(sql.SQL("truncate only {}").format(whole.identifier))
                result = move_rows(self._context, whole)
        except psycopg.Error as error:
            return StepResult(failures=(self._judged(error),))
        for key in self._keys:
            if key != own:
                marks.write(target, task, key, self._context.epoch, StepResult())
        return result

    def _judged(self, error: psycopg.Error) -> Failure:
        """Return an error as a failure of the table. Raises it where it is none."""
        if not is_own_fault(error):
            raise error
        return explained(self._context, self._table, error)

    def _with_word_on_others(self, result: StepResult) -> StepResult:
        message = "it held rows already that this task did not put there; they were kept"
        said = Deviation(database=self._context.step.database, object=self._table.label, message=message)
        is_first = self._context.step.args["part"] == 1
        return StepResult(
            rows=result.rows,
            bytes=result.bytes,
            failures=result.failures,
            detail=result.detail,
            deviations=(*result.deviations, said) if is_first else result.deviations,
        )
