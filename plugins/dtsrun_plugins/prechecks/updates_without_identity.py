"""Tables that are updated have an identity to be told by."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix, is_usable


class UpdatesWithoutIdentity(Precheck):
    """Tables that are updated have an identity to be told by.

    What it does
    ------------
    Compares the replica identities with the counters of updates and deletes that the server keeps for every table.

    Why it matters
    --------------
    A table that is updated today and has no identity breaks its application at the moment it is published: `cannot
    update table because it does not have a replica identity and publishes updates`.

    Spec
    ----
    `prechecks.policy.checks."precheck.updates_without_identity"`; it has no options.

    Needs
    -----
    `track_counts` (the default). All versions.

    Example
    -------
        alarm  precheck.updates_without_identity  shop.public.carts: table public.carts has no replica identity and
          was updated or deleted from 812 times
          fix (source): ALTER TABLE public.carts REPLICA IDENTITY FULL;

    Limits
    ------
    Counters begin anew at a reset or a crash; zero means little. `precheck.primary_keys` does not ask them.
    For the time of the task such a table is given an identity, by an index or by whole rows, before it is published:
    hence an alarm. A policy may make it fail.
    """

    name = "precheck.updates_without_identity"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table without an identity whose counters moved."""
        for database, row in identities(context):
            if not is_usable(row) and row.changes:
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"table {row.schema}.{row.name} has no replica identity and was updated or deleted from "
                    f"{row.changes} times",
                    observed=f"{row.changes} updates and deletes",
                    expected="a replica identity",
                    fix=identity_fix(row),
                    evidence={"updates_and_deletes": row.changes, "identity": row.identity},
                )
