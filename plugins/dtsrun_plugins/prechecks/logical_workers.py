"""The target has background workers for the streams."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._engine import links, links_with_tables, must_pull
from dtsrun_plugins.prechecks._sessions import session, setting

FIRST_PARALLEL: Final = 16
"""From this version on a subscription may be made with `streaming = parallel`..."""
FIRST_PARALLEL_BY_DEFAULT: Final = 18
"""... and from this one on it is, where nothing else is said."""

MOST_PARALLEL: Final = "max_parallel_apply_workers_per_subscription"


class LogicalWorkers(Precheck):
    """The target has background workers for the streams.

    What it does
    ------------
    Compares `max_logical_replication_workers` of the target with the subscriptions that are there, one for each group
    of tables of each chosen database, and one to spare; and `max_worker_processes` with all of them and their launcher.
    Where subscriptions apply large transactions in parallel (on a target of version 18 those of dtsrun do, before it
    those that were made with `streaming = parallel`), each may take `max_parallel_apply_workers_per_subscription` more:
    where there is no room for these, that is an alarm.

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
        assert row is not None  # a count
        ours = links(context)
        # One to spare: a table that is copied anew has a subscription of its own for a while.
        needed = row.subscriptions + ours + 1
        wanted = needed + _parallel(context, links_with_tables(context))
        workers = int(setting(context, "target", "max_logical_replication_workers"))
        processes = int(setting(context, "target", "max_worker_processes"))
        if workers < needed:
            yield _finding("max_logical_replication_workers", "logical replication workers", workers, needed, wanted)
        elif workers < wanted:
            yield _too_few_for_large(workers, needed, wanted)
        # Beside the workers there is their launcher.
        if processes <= max(workers, needed):
            most = max(workers, needed) + 1
            yield _finding("max_worker_processes", "background workers", processes, most, max(most, wanted + 1))


def _parallel(context: CheckContext, ours: int) -> int:
    """Return how many workers may apply large transactions beside those of the subscriptions."""
    major = context.facts("target").major
    if major < FIRST_PARALLEL:
        return 0
    row = (
        session(context, "target")
        .execute(
            "select pg_catalog.count(*) as subscriptions from pg_catalog.pg_subscription"
            " where subenabled and substream = 'p'"
        )
        .fetchone()
    )
    assert row is not None  # a count
    subscriptions = row.subscriptions + (ours if major >= FIRST_PARALLEL_BY_DEFAULT else 0)
    return int(subscriptions) * int(setting(context, "target", MOST_PARALLEL))


def _too_few_for_large(most: int, needed: int, wanted: int) -> Finding:
    name = "max_logical_replication_workers"
    return Finding(
        subject=f"target.{name}",
        message=f"the target has room for {most} logical replication workers: {needed} are needed, and"
        f" {wanted - needed} more may apply large transactions in parallel; a subscription that starts while these take"
        " the room has to wait",
        observed=str(most),
        expected=f"{wanted} or more",
        severity=Severity.ALARM,
        fix=Fix(
            text=f"raise {name}, or lower {MOST_PARALLEL}",
            sql=(f"ALTER SYSTEM SET {name} = {wanted}",),
            side="target",
            takes_effect="restart",
        ),
    )


def _finding(name: str, what: str, most: int, needed: int, wanted: int) -> Finding:
    return Finding(
        subject=f"target.{name}",
        message=f"the target has room for {most} {what}, and {needed} are needed",
        observed=str(most),
        expected=f"{needed} or more",
        fix=Fix(
            text=f"raise {name}",
            sql=(f"ALTER SYSTEM SET {name} = {wanted}",),
            side="target",
            takes_effect="restart",
        ),
    )
