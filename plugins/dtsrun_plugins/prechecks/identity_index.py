"""The index that a replica identity names is still there."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import subject_of
from dtsrun_plugins.prechecks._identity import identities, identity_fix


class IdentityIndex(Precheck):
    """The index that a replica identity names is still there.

    What it does
    ------------
    Looks for tables with REPLICA IDENTITY USING INDEX whose index was dropped or is not valid.

    Why it matters
    --------------
    The catalog goes on saying "index" after the index is gone, but the table behaves like NOTHING: its updates and
    deletes fail as soon as it is published.

    Spec
    ----
    `prechecks.policy.checks."precheck.identity_index"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.identity_index  shop.public.rates: the index of the replica identity of public.rates is gone
          fix (source): ALTER TABLE public.rates REPLICA IDENTITY DEFAULT;

    Limits
    ------
    What is dropped after the check is not seen.
    For the time of the task such a table is given an identity, by an index or by whole rows, before it is published:
    hence an alarm. A policy may make it fail.
    """

    name = "precheck.identity_index"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table whose identity is a promise without an index."""
        for database, row in identities(context):
            if row.identity == "i" and not row.has_index:
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"the index of the replica identity of {row.schema}.{row.name} is gone",
                    observed="REPLICA IDENTITY USING INDEX without a valid index",
                    expected="a primary key, or another replica identity",
                    fix=identity_fix(row),
                )
