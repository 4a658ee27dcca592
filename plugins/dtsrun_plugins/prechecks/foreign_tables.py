"""Rows of foreign tables can be reached from the target, too."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class ForeignTables(Precheck):
    """Rows of foreign tables can be reached from the target, too.

    What it does
    ------------
    Names the chosen foreign tables and the servers that hold their rows.

    Why it matters
    --------------
    Only the definition moves. After the cutover the target asks the foreign server itself, from another address and
    with user mappings whose passwords only a superuser can read on the source.

    Spec
    ----
    `prechecks.policy.checks."precheck.foreign_tables"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.foreign_tables  shop.public.stock: the rows of foreign table public.stock stay on server erp

    Limits
    ------
    dtsrun does not try to reach the foreign server from the target. Foreign partitions are a check of their own where
    changes are followed.
    """

    name = "precheck.foreign_tables"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every foreign table."""
        for database, row in catalog_rows(context, "foreign_tables.sql"):
            yield Finding(
                subject=subject_of(database, row),
                message=f"the rows of foreign table {row.schema}.{row.name} stay on server {row.server}",
                observed=f"on server {row.server}",
                expected="that the target reaches the server",
                fix=Fix(text=f"let the target reach {row.server}, with a user mapping, or exclude the table"),
            )
