"""Partitions have the replica identity that their partitioned table was given."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix, is_usable


class LeafIdentity(Precheck):
    """Partitions have the replica identity that their partitioned table was given.

    What it does
    ------------
    Looks for partitions without a usable identity below a partitioned table that was given one (`FULL`, an index).

    Why it matters
    --------------
    REPLICA IDENTITY of a partitioned table does not reach its partitions, and it is the partition that decides: what
    was mended on top still fails at the first UPDATE.

    Spec
    ----
    `prechecks.policy.checks."precheck.leaf_identity"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.leaf_identity  shop.public.events_2026: partition public.events_2026 has not the replica
          identity of events
          fix (source): ALTER TABLE public.events_2026 REPLICA IDENTITY FULL;

    Limits
    ------
    Partitions that are made later begin with the default again.
    For the time of the task such a table is given an identity, by an index or by whole rows, before it is published:
    hence an alarm. A policy may make it fail.
    """

    name = "precheck.leaf_identity"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every partition that was forgotten."""
        for database, row in identities(context):
            if row.differing_parent and not is_usable(row):
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"partition {row.schema}.{row.name} has not the replica identity of {row.differing_parent}",
                    observed="no usable identity",
                    expected=f"that of {row.differing_parent}",
                    fix=identity_fix(row),
                )
