"""No table has the hidden column oid."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck, SkipCheck
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class WithOids(Precheck):
    """No table has the hidden column oid.

    What it does
    ------------
    Looks for tables that were created WITH OIDS, where the target is of version 12 or later.

    Why it matters
    --------------
    Version 12 has no such tables. The hidden column would be lost without a word, with whatever points to it.

    Spec
    ----
    `prechecks.policy.checks."precheck.with_oids"`; it has no options.

    Needs
    -----
    Nothing beyond a login. It concerns sources of versions 10 and 11.

    Example
    -------
        failed  precheck.with_oids  shop.public.documents: table public.documents was made WITH OIDS
          fix (source): ALTER TABLE public.documents SET WITHOUT OIDS;

    Limits
    ------
    Whether anything uses the values is not known; keep them in a column of their own first if so.
    """

    name = "precheck.with_oids"
    side = "source"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such table."""
        if context.facts("source").major >= 12:
            raise SkipCheck("the source has no such tables")
        for database, row in catalog_rows(context, "with_oids.sql"):
            yield Finding(
                subject=subject_of(database, row),
                message=f"table {row.schema}.{row.name} was made WITH OIDS",
                observed="WITH OIDS",
                expected="WITHOUT OIDS",
                fix=Fix(
                    text="copy the values into a column of their own if they are used, then do without",
                    sql=(f"ALTER TABLE {row.quoted} SET WITHOUT OIDS",),
                    side="source",
                ),
            )
