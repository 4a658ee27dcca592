"""Primary keys that tell rows are not deferrable."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix


class DeferrableKeys(Precheck):
    """Primary keys that tell rows are not deferrable.

    What it does
    ------------
    Looks for tables that rely on a primary key declared DEFERRABLE.

    Why it matters
    --------------
    PostgreSQL does not take a deferrable key for a replica identity: the table behaves as if it had none, and its
    updates and deletes fail as soon as it is published.

    Spec
    ----
    `prechecks.policy.checks."precheck.deferrable_keys"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.deferrable_keys  shop.public.places: primary key places_pkey of public.places is deferrable
          fix (source): ALTER TABLE public.places REPLICA IDENTITY FULL;

    Limits
    ------
    Deferrable unique constraints that are no identity do no harm and are not named.
    For the time of the task such a table is given an identity, by an index or by whole rows, before it is published:
    hence an alarm. A policy may make it fail.
    """

    name = "precheck.deferrable_keys"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table with such a key and nothing else."""
        for database, row in identities(context):
            if row.deferrable_key and row.identity == "d":
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"primary key {row.deferrable_key} of {row.schema}.{row.name} is deferrable",
                    observed="DEFERRABLE",
                    expected="NOT DEFERRABLE, or another replica identity",
                    fix=identity_fix(row),
                )
