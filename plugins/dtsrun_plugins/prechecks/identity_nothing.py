"""No table has REPLICA IDENTITY NOTHING."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix


class IdentityNothing(Precheck):
    """No table has REPLICA IDENTITY NOTHING.

    What it does
    ------------
    Looks for tables that were told to write nothing of the old row, whether they have a primary key or not.

    Why it matters
    --------------
    Their updates and deletes fail on the source as soon as they are published.

    Spec
    ----
    `prechecks.policy.checks."precheck.identity_nothing"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.identity_nothing  shop.public.log: table public.log has REPLICA IDENTITY NOTHING
          fix (source): ALTER TABLE public.log REPLICA IDENTITY DEFAULT;

    Limits
    ------
    A table that is only inserted into needs no identity; a waiver can say so.
    """

    name = "precheck.identity_nothing"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such table."""
        for database, row in identities(context):
            if row.identity == "n":
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"table {row.schema}.{row.name} has REPLICA IDENTITY NOTHING",
                    observed="NOTHING",
                    expected="DEFAULT, FULL or an index",
                    fix=identity_fix(row),
                )
