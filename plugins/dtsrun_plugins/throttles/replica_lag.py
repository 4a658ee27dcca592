"""How far the source's standbys are behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg import sql

from dtsrun.api import Signal, Throttle, ThrottleContext, Undetermined
from dtsrun.inventory import matches
from dtsrun.watch.statistics import refuse_blindness


class ReplicaLag(Throttle):
    """How far the source's standbys are behind.

    What it does
    ------------
    Looks in pg_stat_replication for the standby that is farthest behind, in bytes of WAL and, where the spec gives
    `seconds`, in time as the source measures it. Logical subscribers and base backups do not count.

    Why it matters
    --------------
    Reading whole tables takes disk and network away from the standbys' WAL. A standby that falls behind serves old
    rows, makes synchronous commits wait, and is no standby to fail over to.

    Spec
    ----
        resources:
          throttle:
            replica_lag: {limit: 64MB, seconds: 30s}

    Needs
    -----
    pg_read_all_stats on the source (a member of pg_monitor has it); without it the lag cannot be seen, which is said.

    Example
    -------
        copies are held: standby node2 is 130 MB behind, limit 64 MB
        copies go on; held for 12 s: standby node2 is 130 MB behind, limit 64 MB

    Limits
    ------
    A standby that is not connected is not seen; where none is, the signal counts as one that cannot be read. A standby
    with recovery_min_apply_delay is always behind in `replay`: name `position: flush` for it.
    """

    name = "throttle.replica_lag"
    options = {
        "properties": {
            "limit": {
                "description": "WAL that a standby may be behind.",
                "type": "string",
                "format": "dtsrun-size",
                "default": "64MB",
            },
            "seconds": {
                "description": "Time that a standby may be behind; left out, only bytes count.",
                "type": "string",
                "format": "dtsrun-positive-duration",
                "examples": ["30s"],
            },
            "position": {
                "description": "What counts: WAL that the standby has replayed, has on disk, or has received.",
                "enum": ["replay", "flush", "write"],
                "default": "replay",
            },
            "standbys": {
                "description": "Patterns of application names of the standbys that count.",
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "minItems": 1,
                "default": ["*"],
            },
        }
    }

    def look(self, context: ThrottleContext) -> Signal:
        """Return the lag of the standby that is nearest to its limit, or farthest beyond."""
        patterns = context.options["standbys"]
        standbys = [row for row in _standbys(context) if any(matches(pattern, row.name) for pattern in patterns)]
        if not standbys:
            raise Undetermined("no standby streams from the source")
        signals = [signal for row in standbys for signal in _signals(row, context.options)]
        return max(signals, key=lambda signal: signal.reading / max(signal.limit, 1e-9))


def _standbys(context: ThrottleContext) -> Sequence[Any]:
    refuse_blindness(context.connection, "the lag of the source's standbys")
    position = context.options["position"]
    query = sql.SQL(
        "select coalesce(nullif(r.application_name, ''), pg_catalog.host(r.client_addr), 'on a socket') as name,"
        "       w.bytes, pg_catalog.pg_size_pretty(w.bytes) as size,"
        "       pg_catalog.pg_size_pretty(%(limit)s::bigint) as limit_size,"
        "       extract(epoch from r.{lag})::float8 as seconds"
        "  from pg_catalog.pg_stat_replication r"
        " cross join lateral (select greatest(0, pg_catalog.pg_wal_lsn_diff("
        "         case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn()"
        "              else pg_catalog.pg_current_wal_lsn() end, r.{lsn}))::bigint as bytes) w"
        # A receiver of WAL alone (pg_receivewal) replays nothing.
        " where r.state in ('streaming', 'catchup') and r.{lsn} is not null"
        "   and not exists (select from pg_catalog.pg_replication_slots s"
        "                    where s.active_pid = r.pid and s.slot_type = 'logical')"
    ).format(lsn=sql.Identifier(f"{position}_lsn"), lag=sql.Identifier(f"{position}_lag"))
    return context.connection.execute(query, {"limit": context.options["limit"]}).fetchall()


def _signals(row: Any, options: Any) -> list[Signal]:
    who = f"standby {row.name} is"
    told = f"{who} {row.size} behind, limit {row.limit_size}"
    signals = [Signal(reading=row.bytes, limit=options["limit"], told=told)]
    most = options.get("seconds")
    # A standby that has caught up and hears nothing new has no lag in time.
    if most is not None and row.seconds is not None and row.bytes:
        told = f"{who} {row.seconds:.1f} s behind, limit {most:g} s"
        signals.append(Signal(reading=row.seconds, limit=most, told=told))
    return signals
