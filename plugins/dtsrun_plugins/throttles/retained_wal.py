"""How much WAL the slots of others hold back on the source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dtsrun.api import Advice, Signal, Throttle, ThrottleContext, Undetermined
from dtsrun.incremental.names import is_own_name
from dtsrun.inventory import matches

SHARE = 0.5
"""Of max_slot_wal_keep_size, where the spec gives no limit: the rest is for the slot to catch up in."""


class RetainedWal(Throttle):
    """How much WAL the slots of others hold back on the source.

    What it does
    ------------
    Looks at all replication slots, physical and logical, for the one that holds back most WAL. Without a `limit` it is
    half of the source's max_slot_wal_keep_size.

    Why it matters
    --------------
    A consumer that is slowed down by the copy lets WAL pile up, until the server gives its slot up or the disk is full.

    Spec
    ----
        resources:
          throttle:
            retained_wal: {limit: 10GB}

    Needs
    -----
    Nothing beyond a login on the source.

    Example
    -------
        copies are held: slot debezium holds back 11 GB of WAL, limit 10 GB

    Limits
    ------
    Slots of dtsrun's own are never a reason to hold: they hold back WAL until the copy is done, so a hold would only
    make it more. Where one of them is beyond the limit that is said, and copies go on. A slot whose consumer is gone
    does not recover by a hold either, which `hold_at_most` ends.
    """

    name = "throttle.retained_wal"
    options = {
        "properties": {
            "limit": {
                "description": "WAL that a slot may hold back; left out, half of max_slot_wal_keep_size.",
                "type": "string",
                "format": "dtsrun-size",
                "examples": ["10GB"],
            },
            "slots": {
                "description": "Patterns of names of the slots that count.",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "default": ["*"],
            },
        }
    }

    def look(self, context: ThrottleContext) -> Signal:
        """Return what the slot holds back that holds back most."""
        limit = _limit(context)
        patterns = context.options["slots"]
        slots = [row for row in _slots(context, limit) if any(matches(pattern, row.name) for pattern in patterns)]
        own = next((row for row in slots if is_own_name(row.name)), None)
        notice = ""
        if own is not None and own.bytes >= limit:
            notice = f"{_told(own)}; it is this copy's own, so that a hold would only make it more"
        worst = next((row for row in slots if not is_own_name(row.name)), None)
        if worst is None:
            return Signal(reading=0, limit=limit, told="no slot holds back WAL", advice=Advice.GO, notice=notice)
        return Signal(reading=worst.bytes, limit=limit, told=_told(worst), notice=notice)


def _limit(context: ThrottleContext) -> int:
    given = context.options.get("limit")
    if given is not None:
        return int(given)
    # In megabytes; servers before 13 do not know it, and -1 is without an end.
    row = context.connection.execute(
        "select setting::bigint as most from pg_catalog.pg_settings where name = 'max_slot_wal_keep_size'"
    ).fetchone()
    if row is None or row.most < 0:
        raise Undetermined("the source sets no max_slot_wal_keep_size; give throttle.retained_wal a limit")
    return int(row.most * 1024**2 * SHARE)


def _slots(context: ThrottleContext, limit: int) -> Sequence[Any]:
    """Return the slots that hold back WAL, most first."""
    return context.connection.execute(
        "select s.slot_name::text as name, w.bytes, pg_catalog.pg_size_pretty(w.bytes) as size,"
        "       pg_catalog.pg_size_pretty(%(limit)s::bigint) as limit_size"
        "  from pg_catalog.pg_replication_slots s"
        " cross join lateral (select greatest(0, pg_catalog.pg_wal_lsn_diff("
        "         case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn()"
        "              else pg_catalog.pg_current_wal_lsn() end, s.restart_lsn))::bigint as bytes) w"
        " where s.restart_lsn is not null order by w.bytes desc",
        {"limit": limit},
    ).fetchall()


def _told(row: Any) -> str:
    return f"slot {row.name} holds back {row.size} of WAL, limit {row.limit_size}"
