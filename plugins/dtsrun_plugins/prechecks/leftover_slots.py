"""No forgotten replication slot keeps WAL on the source."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session

GIB: Final = 1024**3


class LeftoverSlots(Precheck):
    """No forgotten replication slot keeps WAL on the source.

    What it does
    ------------
    Lists the slots of the source that nobody reads and that keep more WAL than `retained`, those that the server
    has given up already, and those of earlier tasks (their names begin with dtsrun).

    Why it matters
    --------------
    A forgotten slot keeps all WAL since its last reader, until the disk is full; it also takes the place of one
    that the task needs.

    Spec
    ----
    `prechecks.policy.checks."precheck.leftover_slots".options`: `retained`, in bytes (default 1 GiB).

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.leftover_slots  slot old_replica is read by nobody and keeps 12.0 GiB of WAL
          fix (source): SELECT pg_catalog.pg_drop_replication_slot('old_replica')

    Limits
    ------
    A standby that is down for maintenance looks the same: ask before a slot is dropped.
    """

    name = "precheck.leftover_slots"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    options = {
        "properties": {
            "retained": {
                "type": "integer",
                "minimum": 0,
                "default": GIB,
                "description": "bytes of WAL that a slot without a reader may keep",
            }
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such slot, the one that keeps most first."""
        query = files(__package__).joinpath("leftover_slots.sql").read_text()
        status = sql.SQL("s.wal_status" if context.facts("source").major >= 13 else "null::text")
        rows = session(context, "source").execute(sql.SQL(query).format(status=status), dict(context.options))
        for row in rows.fetchall():
            lost = row.status == "lost"
            yield Finding(
                subject=f"slot {row.name}",
                message=f"slot {row.name} is lost, since the server removed WAL that it needs"
                if lost
                else f"slot {row.name} is read by nobody and keeps {row.retained / GIB:.1f} GiB of WAL",
                observed="lost" if lost else f"{row.retained} bytes",
                expected="read, or dropped",
                fix=Fix(
                    text="if nobody needs it, drop it",
                    sql=(f"SELECT pg_catalog.pg_drop_replication_slot({sql.Literal(row.name).as_string()})",),
                    side="source",
                ),
                evidence={**row._asdict(), "retained": int(row.retained)},
            )
