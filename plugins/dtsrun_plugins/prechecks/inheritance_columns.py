"""Inheritance children keep the order of their columns."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class InheritanceColumns(Precheck):
    """Inheritance children keep the order of their columns.

    What it does
    ------------
    Compares the columns of each inheritance child (not of partitions) with the order that CREATE TABLE ... INHERITS
    gives: first the parents' columns, then its own.

    Why it matters
    --------------
    A child that was attached later, or whose parent got a column later, has another order, which no dump can tell. On
    the target `select *`, `insert ... values (...)` and COPY without a list of columns then mean other columns.

    Spec
    ----
    `prechecks.policy.checks."precheck.inheritance_columns"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.inheritance_columns  shop.public.cities: the columns of public.cities arrive in another order

    Limits
    ------
    dtsrun itself names all columns when it copies, so the rows arrive as they are.
    """

    name = "precheck.inheritance_columns"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every child whose columns change places."""
        for database, row in catalog_rows(context, "inheritance_columns.sql"):
            yield Finding(
                subject=subject_of(database, row),
                message=f"the columns of {row.schema}.{row.name} arrive in another order",
                observed=row.now,
                expected=row.later,
                fix=Fix(text="name the columns wherever the application relies on their order"),
            )
