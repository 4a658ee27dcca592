"""The rows of a table whose changes were not followed, copied anew at completion."""

from __future__ import annotations

from dataclasses import replace

import psycopg
from psycopg import sql

from dtsrun import ahead
from dtsrun.analyzing import analyzed
from dtsrun.api import Alignment, Connection, Deviation, Failure, StepContext, StepResult
from dtsrun.copied_table import Table
from dtsrun.copying import explained, is_own_fault, move_rows, savepoint
from dtsrun.postgres.identifiers import quoted
from dtsrun.postgres.sqlstate import describe

DRIFTED = "it came or changed while changes were followed: its rows were copied when that was repaired"
SLOT_LOST = "its slot was lost, and with it the changes since the copy: its rows were copied anew"


def copy_table_again(context: StepContext, why: str = "") -> StepResult:
    """Copy the rows of a table anew, instead of those that are there.

    Constraints and triggers are there by now: none of them must act on rows that only come back. Where the new rows
    cannot come, the old ones stay.

    Args:
        why: said in the report; empty: at completion, of a table whose changes are not followed.

    Raises:
        psycopg.Error: not the table's own fault.
    """
    table, target = Table(**context.step.args), context.target()
    try:
        with savepoint(target, sql.SQL("set local session_replication_role = replica")):
            _empty(target, table)
            result = move_rows(context, table)
            target.execute("set local session_replication_role = origin")
            # A copy at completion is ahead of the table's link; one for a lost slot is where its new link begins.
            settle = ahead.forget if why else ahead.remember
            settle(target, context.spec.task.name, table.identifier)
    except psycopg.errors.InsufficientPrivilege as error:
        account = quoted(context.facts("target").current_user)
        hint = f"grant set on parameter session_replication_role to {account}"
        return StepResult(failures=(Failure(object=table.label, message=describe(error), hint=hint),))
    except psycopg.Error as error:
        if not is_own_fault(error):
            raise
        return StepResult(failures=(explained(context, table, error),))
    result = replace(result, deviations=(*result.deviations, *analyzed(context, table.identifier, table.label)))
    if not why:
        copied = Alignment(
            database=context.step.database, object=table.label, message=f"{result.rows:,} rows copied anew"
        )
        return replace(result, alignments=(copied,))
    return replace(result, deviations=(*result.deviations, _note(context, table, why)))


def _empty(target: Connection, table: Table) -> None:
    """Take out those rows of the target's table that the task moves: an extension has rows of its own in its table."""
    if table.where:
        target.execute(sql.SQL("delete from only {} {}").format(table.identifier, sql.SQL(table.where)))
    else:
        ahead.empty(target, table.identifier)


def _note(context: StepContext, table: Table, why: str) -> Deviation:
    return Deviation(database=context.step.database, object=table.label, message=why)
