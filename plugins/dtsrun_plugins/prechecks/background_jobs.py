"""No job of a scheduler starts on the target before its time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import sql

from dtsrun.api import CheckContext, Database, Finding, Fix, MigrationType, Precheck, Severity


class BackgroundJobs(Precheck):
    """No job of a scheduler starts on the target before its time.

    What it does
    ------------
    Lists the active jobs of pg_cron in the chosen databases.

    Why it matters
    --------------
    Jobs are rows of an extension and move like rows. The target runs them from the moment they arrive, beside the
    source: mails go out twice, and old rows are deleted from tables that are still being filled.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    SELECT on `cron.job` on the source; row-level security there shows its own jobs to each account.

    Example
    -------
        alarm  precheck.background_jobs  3 active jobs of pg_cron in shop would run on the target

    Limits
    ------
    Jobs of pgAgent and of timescaledb are not looked at.
    """

    name = "precheck.background_jobs"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each database with active jobs."""
        for database in context.inventory.databases.values():
            if not any(extension.name == "pg_cron" for extension in database.extensions):
                continue
            query = "select jobid::bigint as id, schedule, command from cron.job where active order by 1"
            rows = context.source(database.name).execute(query).fetchall()
            if rows:
                yield _finding(database, rows)


def _finding(database: Database, rows: list[Any]) -> Finding:
    setting = sql.SQL("ALTER SYSTEM SET cron.launch_active_jobs = off").as_string()
    return Finding(
        subject=database.name,
        message=f"{len(rows)} active jobs of pg_cron in {database.name} would run on the target",
        observed="active",
        expected="off until the cutover",
        fix=Fix(
            text="let the target start no jobs until the cutover, or exclude the extension",
            sql=(setting,),
            side="target",
            takes_effect="reload",
        ),
        evidence={"jobs": [{"id": row.id, "schedule": row.schedule, "command": row.command} for row in rows]},
    )
