"""The target may sort what its indexes need."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import setting


class TargetTempFiles(Precheck):
    """The target may sort what its indexes need.

    What it does
    ------------
    Compares `temp_file_limit` of the target with the size of the largest chosen table.

    Why it matters
    --------------
    An index over a large table is sorted in temporary files of about its size. Where the limit is lower, the build
    fails at the end, after hours.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        alarm  precheck.target_temp_files  temp_file_limit of the target is 1024 kB, and table public.orders has 8192 kB

    Limits
    ------
    The size of the table stands for that of its indexes; most are smaller.
    """

    name = "precheck.target_temp_files"
    side = "target"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield one finding for the largest table."""
        limit = int(setting(context, "target", "temp_file_limit"))
        tables = ((r, d) for d in context.inventory.databases.values() for r in d.relations.values() if r.has_rows)
        largest = max(tables, key=lambda pair: pair[0].bytes, default=None)
        if limit < 0 or largest is None:
            return
        relation, database = largest
        if relation.bytes > limit * 1024:
            account = sql.Identifier(context.facts("target").current_user)
            statement = sql.SQL("ALTER ROLE {} SET temp_file_limit = -1").format(account).as_string()
            yield Finding(
                subject=f"{database.name}.{relation.qualified}",
                message=f"temp_file_limit of the target is {limit} kB,"
                f" and table {relation.qualified} has {relation.bytes // 1024} kB",
                observed=f"{limit} kB",
                expected="-1, or more than the table has",
                fix=Fix(text="lift the limit for the account of the migration", sql=(statement,), side="target"),
            )
