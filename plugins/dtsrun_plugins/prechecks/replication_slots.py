"""The source has a free replication slot for each link."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun_plugins.prechecks._engine import links
from dtsrun_plugins.prechecks._sessions import session, setting


class ReplicationSlots(Precheck):
    """The source has a free replication slot for each link.

    What it does
    ------------
    Compares `max_replication_slots` of the source with the slots that are there, and with one slot for each chosen
    database and one to spare, for tables that are copied anew.

    Why it matters
    --------------
    A slot belongs to one database. Without a free one the stream of a database cannot begin, and the copy before it
    was in vain.

    Spec
    ----
    `prechecks.policy.checks."precheck.replication_slots"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.replication_slots  the source has 1 free replication slots, and 4 are needed
          fix (source, restart): ALTER SYSTEM SET max_replication_slots = 13

    Limits
    ------
    Slots that others make after the check are not foreseen.
    """

    name = "precheck.replication_slots"
    side = "source"
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield too few free slots."""
        rows = (
            session(context, "source")
            .execute(
                "select slot_name::text as name, database::text as database, active"
                "  from pg_catalog.pg_replication_slots order by active, slot_name"
            )
            .fetchall()
        )
        most = int(setting(context, "source", "max_replication_slots"))
        needed = links(context) + 1
        free = most - len(rows)
        if free < needed:
            idle = [row.name for row in rows if not row.active]
            yield Finding(
                subject="source",
                message=f"the source has {free} free replication slots, and {needed} are needed",
                observed=f"{len(rows)} of {most} taken",
                expected=f"{needed} free",
                fix=Fix(
                    text="raise the limit, or drop slots that nobody needs" + (f": {', '.join(idle)}" if idle else ""),
                    sql=(f"ALTER SYSTEM SET max_replication_slots = {len(rows) + needed}",),
                    side="source",
                    takes_effect="restart",
                ),
                evidence={"slots": [row._asdict() for row in rows]},
            )
