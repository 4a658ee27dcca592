"""No other task is at work in the target's databases."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun import marks
from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity


class LeftoverMarks(Precheck):
    """No other task is at work in the target's databases.

    What it does
    ------------
    Looks in the databases of the target for the marks (schema `_dtsrun`) of other tasks.

    Why it matters
    --------------
    Two tasks that write to the same database undo each other's work; one that was given up has left objects behind
    that are not whole.

    Spec
    ----
    `prechecks.policy.checks."precheck.leftover_marks"`; it has no options.

    Needs
    -----
    SELECT on the marks, which the account that made them has; for another account the check cannot know. All
    versions.

    Example
    -------
        alarm  precheck.leftover_marks  task nightly has 42 finished steps in database shop of the target
          fix: dtsrun delete nightly

    Limits
    ------
    Other tools leave other traces.
    """

    name = "precheck.leftover_marks"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every other task with marks in a database."""
        # Marks of what belongs to no database are kept in the maintenance database.
        found = {c.info.dbname: c for c in map(context.target, (None, *context.inventory.databases)) if c is not None}
        for database, connection in found.items():
            if not marks.exists(connection):
                continue
            rows = connection.execute(
                "select task, pg_catalog.count(*) as steps, pg_catalog.max(finished_at)::text as last"
                "  from _dtsrun.mark where task <> %s group by task order by task",
                [context.spec.task.name],
            ).fetchall()
            for row in rows:
                yield Finding(
                    subject=f"database {database}",
                    message=f"task {row.task} has {row.steps} finished steps in database {database} of the target",
                    observed=f"its last step ended at {row.last}",
                    expected="no other task",
                    fix=Fix(text=f"let it complete, or take it away: dtsrun delete {row.task}", side="target"),
                    evidence=row._asdict(),
                )
