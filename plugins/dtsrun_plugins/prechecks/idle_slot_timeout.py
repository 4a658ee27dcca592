"""The source does not give up slots that pause."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import setting


class IdleSlotTimeout(Precheck):
    """The source does not give up slots that pause.

    What it does
    ------------
    Reads `idle_replication_slot_timeout` of the source (version 18 and later).

    Why it matters
    --------------
    A slot that nobody reads for that long is invalidated. A task that was stopped over a weekend could not go on,
    and would have to begin again.

    Spec
    ----
    `prechecks.policy.checks."precheck.idle_slot_timeout"`; it has no options.

    Needs
    -----
    Nothing beyond a login.

    Example
    -------
        alarm  precheck.idle_slot_timeout  the source gives up slots that nobody reads for 3600 s
          fix (source, reload): ALTER SYSTEM SET idle_replication_slot_timeout = 0

    Limits
    ------
    How long the task will pause is not known: any timeout is an alarm.
    """

    name = "precheck.idle_slot_timeout"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a timeout."""
        if context.facts("source").major < 18:
            return
        timeout = int(setting(context, "source", "idle_replication_slot_timeout"))
        if timeout:
            yield Finding(
                subject="source",
                message=f"the source gives up slots that nobody reads for {timeout} s",
                observed=f"{timeout} s",
                expected="0",
                fix=Fix(
                    text="switch it off for the time of the migration",
                    sql=("ALTER SYSTEM SET idle_replication_slot_timeout = 0", "SELECT pg_catalog.pg_reload_conf()"),
                    side="source",
                    takes_effect="reload",
                ),
            )
