"""The target has background workers for the streams."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._engine import links, must_pull
from dtsrun_plugins.prechecks._sessions import session, setting


class LogicalWorkers(Precheck):
    """The target has background workers for the streams.

    What it does
    ------------
    Compares `max_logical_replication_workers` of the target with the subscriptions that are there and one for each
    chosen database, and `max_worker_processes` with all of them and their launcher.

    Why it matters
    --------------
    A subscription without a worker is there, looks well, and applies nothing, while its slot on the source keeps
    WAL.

    Spec
    ----
    `prechecks.policy.checks."precheck.logical_workers"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.logical_workers  the target has room for 2 logical replication workers, and 4 are needed
          fix (target, restart): ALTER SYSTEM SET max_logical_replication_workers = 4

    Limits
    ------
    Workers of extensions (pg_cron, TimescaleDB) come from max_worker_processes too, and are not counted.
    """

    name = "precheck.logical_workers"
    side = "target"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each limit that is too low."""
        must_pull(context)
        row = (
            session(context, "target")
            .execute("select pg_catalog.count(*) as subscriptions from pg_catalog.pg_subscription where subenabled")
            .fetchone()
        )
        taken = row.subscriptions if row else 0
        # One to spare: a table that is copied anew has a subscription of its own for a while.
        needed = taken + links(context) + 1
        workers = int(setting(context, "target", "max_logical_replication_workers"))
        processes = int(setting(context, "target", "max_worker_processes"))
        if workers < needed:
            yield _finding("max_logical_replication_workers", "logical replication workers", workers, needed)
        # Beside the workers there is their launcher.
        if processes <= max(workers, needed):
            yield _finding("max_worker_processes", "background workers", processes, max(workers, needed) + 1)


def _finding(name: str, what: str, most: int, needed: int) -> Finding:
    return Finding(
        subject=f"target.{name}",
        message=f"the target has room for {most} {what}, and {needed} are needed",
        observed=str(most),
        expected=f"{needed} or more",
        fix=Fix(
            text=f"raise {name}",
            sql=(f"ALTER SYSTEM SET {name} = {needed}",),
            side="target",
            takes_effect="restart",
        ),
    )
