"""Inheritance children forbid nulls where their parents do."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class InheritedNotNull(Precheck):
    """Inheritance children forbid nulls where their parents do.

    What it does
    ------------
    Looks for columns that are NOT NULL in a parent and may be null in its child. Servers before version 18 let this
    happen (`ALTER TABLE ONLY ... SET NOT NULL`, `DROP NOT NULL` on the child).

    Why it matters
    --------------
    On the target the child inherits NOT NULL, and its rows with nulls are refused. pg_upgrade to version 18 refuses
    such a database.

    Spec
    ----
    `prechecks.policy.checks."precheck.inherited_not_null"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.inherited_not_null  shop.public.cities: column name of public.cities may be null, and not in
          its parent public.places
          fix (source): ALTER TABLE public.cities ALTER COLUMN name SET NOT NULL;

    Limits
    ------
    Whether there are nulls in it is not looked for.
    """

    name = "precheck.inherited_not_null"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every column that is looser than its parent's."""
        for database, row in catalog_rows(context, "inherited_not_null.sql"):
            statement = f"ALTER TABLE {row.quoted} ALTER COLUMN {row.quoted_column} SET NOT NULL"
            yield Finding(
                subject=subject_of(database, row),
                message=f"column {row.column} of {row.schema}.{row.name} may be null, and not in its parent "
                f"{row.parent}",
                observed=f"{row.column} may be null",
                expected=f"{row.column} not null",
                fix=Fix(text="forbid nulls in the child too", sql=(statement,), side="source"),
            )
