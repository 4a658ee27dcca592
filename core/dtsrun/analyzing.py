"""Statistics for the planner, of what has just been filled on the target."""

from __future__ import annotations

import psycopg
from psycopg import sql

from dtsrun.api import Deviation, StepContext
from dtsrun.copying import is_own_fault, savepoint
from dtsrun.postgres.sqlstate import describe


def analyzed(context: StepContext, relation: sql.Identifier, label: str) -> tuple[Deviation, ...]:
    """Analyze one relation of the target; return why that could not be: nothing of its rows is lost.

    Args:
        label: names the relation in the report.

    Raises:
        psycopg.Error: not the relation's own fault.
    """
    context.progress()
    try:
        with savepoint(context.target()):
            context.target().execute(sql.SQL("analyze {}").format(relation))
    except psycopg.Error as error:
        if not is_own_fault(error):
            raise
        return (Deviation(database=context.step.database, object=label, message=f"not analyzed: {describe(error)}"),)
    return ()
