"""The source lets a slot keep enough WAL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import setting

MIB: Final = 1024**2


class SlotWalLimit(Precheck):
    """The source lets a slot keep enough WAL.

    What it does
    ------------
    Reads `max_slot_wal_keep_size` of the source (version 13 and later) and compares it with a tenth of what is
    copied, at least 1 GiB. No limit at all passes.

    Why it matters
    --------------
    While the copy runs, the slot keeps all WAL that is written. Beyond the limit the server invalidates the slot,
    and the task has to begin again.

    Spec
    ----
    `prechecks.policy.checks."precheck.slot_wal_limit"`; it has no options.

    Needs
    -----
    Nothing beyond a login.

    Example
    -------
        alarm  precheck.slot_wal_limit  slots of the source may keep 1.0 GiB of WAL, and 12.0 GiB may be needed
          fix (source, reload): ALTER SYSTEM SET max_slot_wal_keep_size = '12288MB'

    Limits
    ------
    How much the source writes during the copy is a guess. Without a limit, a stream that stops fills the disk
    instead: watch it.
    """

    name = "precheck.slot_wal_limit"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield a limit that is too low."""
        if context.facts("source").major < 13:
            return
        limit = int(setting(context, "source", "max_slot_wal_keep_size"))
        needed = max(1024, sum(database.bytes for database in context.inventory.databases.values()) // 10 // MIB)
        if 0 <= limit < needed:
            yield Finding(
                subject="source",
                message=f"slots of the source may keep {limit / 1024:.1f} GiB of WAL,"
                f" and {needed / 1024:.1f} GiB may be needed",
                observed=f"{limit} MB",
                expected=f"{needed} MB or -1",
                fix=Fix(
                    text="raise the limit for the time of the migration",
                    sql=(
                        f"ALTER SYSTEM SET max_slot_wal_keep_size = '{needed}MB'",
                        "SELECT pg_catalog.pg_reload_conf()",
                    ),
                    side="source",
                    takes_effect="reload",
                ),
                severity=Severity.FAIL if limit == 0 else None,
            )
