"""No partition is a foreign table."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class ForeignPartitions(Precheck):
    """No partition is a foreign table.

    What it does
    ------------
    Looks for partitions whose rows another server holds.

    Why it matters
    --------------
    Changes to a foreign partition are not in the source's WAL, so they cannot be followed, and what goes through the
    partitioned table to it is missing on the target.

    Spec
    ----
    `prechecks.policy.checks."precheck.foreign_partitions"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.foreign_partitions  shop.public.events_old: partition public.events_old of public.events is a
          foreign table

    Limits
    ------
    One that nobody writes to does no harm; a waiver can say so.
    """

    name = "precheck.foreign_partitions"
    side = "source"
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every foreign partition."""
        for database, row in catalog_rows(context, "foreign_tables.sql"):
            if row.parent:
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"partition {row.schema}.{row.name} of {row.parent} is a foreign table",
                    observed=f"rows on server {row.server}",
                    expected="a partition with rows of its own",
                    fix=Fix(text="detach it, or leave its partitioned table out", side="source"),
                )
