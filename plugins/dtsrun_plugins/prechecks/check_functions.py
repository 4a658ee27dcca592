"""No CHECK constraint reads other tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of
from dtsrun_plugins.prechecks._function_use import named_by

WITH_ROWS: Final = frozenset({"TABLE", "FOREIGN TABLE", "VIEW", "MATERIALIZED VIEW"})
"""Entry types whose rows come later than the definitions, or from what comes later."""


class CheckFunctions(Precheck):
    """No CHECK constraint reads other tables.

    What it does
    ------------
    Looks through the bodies of functions that CHECK constraints call for tables and views that they read.

    Why it matters
    --------------
    A CHECK is evaluated while its table is copied. The table that it looks into may not have its rows yet, and then
    good rows are refused; nothing but the order of luck decides.

    Spec
    ----
    `prechecks.policy.checks."precheck.check_functions"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.check_functions  shop.public.orders: check constraint orders_rate of public.orders reads
          public.rates through rate_is_known(text)
          fix (source): make it a foreign key or a trigger, or add it after the migration

    Limits
    ------
    Bodies are guessed at as for `precheck.object_dependency`: what is put together at run time is not seen.
    """

    name = "precheck.check_functions"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every constraint that looks beyond its row."""
        for database, row in catalog_rows(context, "function_use.sql"):
            tables = [f"{e.schema}.{e.name}" for e in named_by(database, row.function) if e.type in WITH_ROWS]
            if tables and row.used_by.startswith("check constraint "):
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"{row.used_by} of {row.schema}.{row.name} reads {', '.join(tables)} through "
                    f"{row.signature}",
                    observed=f"reads {', '.join(tables)}",
                    expected="a condition on the row alone",
                    fix=Fix(text="make it a foreign key or a trigger, or add it after the migration", side="source"),
                )
