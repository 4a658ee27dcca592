"""Tables have a primary key, or something in its place."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix, is_usable


class PrimaryKeys(Precheck):
    """Tables have a primary key, or something in its place.

    What it does
    ------------
    Looks for tables with the default replica identity and no primary key. Partitions are looked at one by one, since
    each has an identity of its own.

    Why it matters
    --------------
    As soon as such a table is published, every UPDATE and DELETE of it fails on the *source*, in the application.
    Without a change that tells which row it means, only inserts can be followed.

    Spec
    ----
    `prechecks.policy.checks."precheck.primary_keys"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.primary_keys  shop.public.events: table public.events has no primary key
          fix (source): ALTER TABLE public.events REPLICA IDENTITY FULL;

    Limits
    ------
    Other identities (`NOTHING`, a lost index, a deferrable key, a partition unlike its parent) are checks of their own.
    """

    name = "precheck.primary_keys"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table that has nothing to be told by."""
        for database, row in identities(context):
            if row.identity == "d" and not (is_usable(row) or row.deferrable_key or row.differing_parent):
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"table {row.schema}.{row.name} has no primary key",
                    observed="REPLICA IDENTITY DEFAULT without a primary key",
                    expected="a primary key, or another replica identity",
                    fix=identity_fix(row),
                    evidence={"updates_and_deletes": row.changes, "unique_index": row.candidate},
                )
