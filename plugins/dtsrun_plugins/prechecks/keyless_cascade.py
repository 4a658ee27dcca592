"""Tables that a foreign key changes along have an identity to be told by."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix, is_usable


class KeylessCascade(Precheck):
    """Tables that a foreign key changes along have an identity to be told by.

    What it does
    ------------
    Looks for tables without a usable replica identity whose foreign key says CASCADE, SET NULL or SET DEFAULT.

    Why it matters
    --------------
    The parent's UPDATE or DELETE runs a statement on the child, which fails once the child is published: the
    application can no longer change the *parent*, though that has a key, and even if the child is empty and its
    counters are zero.

    Spec
    ----
    `prechecks.policy.checks."precheck.keyless_cascade"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.keyless_cascade  shop.public.notes: table public.notes has no replica identity, and
          notes_order_fkey to public.orders changes it along with its parent
          fix (source): ALTER TABLE public.notes REPLICA IDENTITY FULL;

    Limits
    ------
    Triggers that change other tables are not looked through.
    For the time of the task such a table is given an identity, by an index or by whole rows, before it is published:
    hence an alarm. A policy may make it fail.
    """

    name = "precheck.keyless_cascade"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such child."""
        for database, row in identities(context):
            if not is_usable(row) and row.acting_keys:
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"table {row.schema}.{row.name} has no replica identity, and {row.acting_keys} changes it "
                    "along with its parent",
                    observed="no replica identity",
                    expected="a primary key, or another replica identity",
                    fix=identity_fix(row),
                    evidence={"foreign_keys": row.acting_keys},
                )
