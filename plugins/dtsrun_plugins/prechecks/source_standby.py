"""The source is a primary server, or a standby fit for the task."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session, setting


class SourceStandby(Precheck):
    """The source is a primary server, or a standby fit for the task.

    What it does
    ------------
    Asks the source whether it is a standby. If so, it needs `hot_standby_feedback`; and for a stream, version 16 or
    later.

    Why it matters
    --------------
    A standby cancels queries that stand in the way of what its primary cleaned up: the copy of a large table, and
    with it the snapshot of the whole copy. Before version 16 a standby cannot decode changes at all.

    Spec
    ----
    `prechecks.policy.checks."precheck.source_standby"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.source_standby  the source is a standby without hot_standby_feedback, which may cancel the copy
          fix (source, reload): ALTER SYSTEM SET hot_standby_feedback = on

    Limits
    ------
    Without feedback a small copy usually passes within max_standby_streaming_delay.
    """

    name = "precheck.source_standby"
    side = "source"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield what a standby lacks."""
        row = session(context, "source").execute("select pg_catalog.pg_is_in_recovery() as is_standby").fetchone()
        if row is None or not row.is_standby:
            return
        facts = context.facts("source")
        if context.spec.migration_type is MigrationType.FULL_INCREMENTAL and facts.major < 16:
            yield Finding(
                subject="source",
                message=f"the source is a standby of version {facts.major}, which cannot decode changes",
                observed="a standby",
                expected="the primary, or version 16 or later",
                fix=Fix(text="name the primary in source.access", side="source"),
            )
        elif setting(context, "source", "hot_standby_feedback") != "on":
            yield Finding(
                subject="source",
                message="the source is a standby without hot_standby_feedback, which may cancel the copy",
                observed="hot_standby_feedback is off",
                expected="on",
                fix=Fix(
                    text="set it for the time of the migration, or name the primary",
                    sql=("ALTER SYSTEM SET hot_standby_feedback = on", "SELECT pg_catalog.pg_reload_conf()"),
                    side="source",
                    takes_effect="reload",
                ),
                severity=Severity.ALARM,
            )
