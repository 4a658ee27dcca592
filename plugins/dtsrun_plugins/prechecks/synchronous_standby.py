"""Commits on the target have a standby to wait for."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, Precheck
from dtsrun_plugins.prechecks._sessions import must_see_all, session, setting


class SynchronousStandby(Precheck):
    """Commits on the target have a standby to wait for.

    What it does
    ------------
    If the target has `synchronous_standby_names`, looks whether any synchronous standby is connected.

    Why it matters
    --------------
    Without one, every commit that asks for it waits for ever: that of CREATE DATABASE of others, and our own last
    one, which makes all the work durable.

    Spec
    ----
    `prechecks.policy.checks."precheck.synchronous_standby"`; it has no options.

    Needs
    -----
    Nothing beyond a login; without pg_read_all_stats the check cannot know. All versions.

    Example
    -------
        failed  precheck.synchronous_standby  the target waits for the synchronous standby "dr1", and none is connected
          fix (target, reload): ALTER SYSTEM SET synchronous_standby_names = ''

    Limits
    ------
    Whether enough of them are connected for `ANY 2 (...)` is not counted.
    """

    name = "precheck.synchronous_standby"
    side = "target"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a target that waits for nobody."""
        names = setting(context, "target", "synchronous_standby_names")
        if not names:
            return
        connection = session(context, "target")
        must_see_all(connection)
        row = connection.execute(
            "select pg_catalog.count(*) as standbys from pg_catalog.pg_stat_replication"
            " where sync_state in ('sync', 'quorum')"
        ).fetchone()
        if row and not row.standbys:
            yield Finding(
                subject="target",
                message=f'the target waits for the synchronous standby "{names}", and none is connected',
                observed="none",
                expected="one that is connected",
                fix=Fix(
                    text="bring the standby back, or do without it for the time of the migration",
                    sql=("ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_catalog.pg_reload_conf()"),
                    side="target",
                    takes_effect="reload",
                ),
            )
