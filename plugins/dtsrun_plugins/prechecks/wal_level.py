"""The source writes what logical replication reads."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._sessions import setting


class WalLevel(Precheck):
    """The source writes what logical replication reads.

    What it does
    ------------
    Reads `wal_level` of the source.

    Why it matters
    --------------
    Below `logical` no replication slot can be made, and no change be followed. The setting takes a restart, so it
    is better known long before the night of the migration.

    Spec
    ----
    `prechecks.policy.checks."precheck.wal_level"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.wal_level  wal_level of the source is replica
          fix (source, restart): ALTER SYSTEM SET wal_level = logical

    Limits
    ------
    A managed service has a switch of its own for it, which its documentation names.
    """

    name = "precheck.wal_level"
    side = "source"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a level that is too low."""
        level = setting(context, "source", "wal_level")
        if level != "logical":
            yield Finding(
                subject="source",
                message=f"wal_level of the source is {level}",
                observed=level,
                expected="logical",
                fix=Fix(
                    text="set it and restart the server (services: rds.logical_replication, cloudsql.logical_decoding)",
                    sql=("ALTER SYSTEM SET wal_level = logical",),
                    side="source",
                    takes_effect="restart",
                ),
            )
