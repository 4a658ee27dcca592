"""No partition is half detached."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class DetachedPartitions(Precheck):
    """No partition is half detached.

    What it does
    ------------
    Looks for partitions whose `DETACH PARTITION ... CONCURRENTLY` was interrupted.

    Why it matters
    --------------
    On the source its rows are no longer seen through the partitioned table. The dump knows only attached or not, so
    on the target they would appear again.

    Spec
    ----
    `prechecks.policy.checks."precheck.detached_partitions"`; it has no options.

    Needs
    -----
    Nothing beyond a login. Since version 14.

    Example
    -------
        failed  precheck.detached_partitions  shop.public.events_2020: partition public.events_2020 is half detached
          fix (source): ALTER TABLE public.events DETACH PARTITION public.events_2020 FINALIZE;

    Limits
    ------
    A DETACH that runs at this moment looks the same.
    """

    name = "precheck.detached_partitions"
    side = "source"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every partition that is neither in nor out."""
        for database, row in catalog_rows(context, "detached_partitions.sql"):
            statement = f"ALTER TABLE {row.parent} DETACH PARTITION {row.quoted} FINALIZE"
            yield Finding(
                subject=subject_of(database, row),
                message=f"partition {row.schema}.{row.name} is half detached from {row.parent}",
                observed="detach pending",
                expected="attached or detached",
                fix=Fix(text="finish the detaching", sql=(statement,), side="source"),
            )
