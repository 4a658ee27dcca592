"""Settings of both servers that following changes depends on: what changed meanwhile is told, and that it is back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from psycopg import sql

from dtsrun.api import Connection, Side
from dtsrun.watch.drift import Drift

Settings = Mapping[Side, Mapping[str, str]]
"""Values by name, with their units, of both servers."""

KIND: Final = "setting"

RELIED_ON: Final[Mapping[Side, tuple[str, ...]]] = {
    "source": (
        "wal_level",
        "max_slot_wal_keep_size",
        "max_replication_slots",
        "max_wal_senders",
        "idle_replication_slot_timeout",
        "wal_sender_timeout",
        "logical_decoding_work_mem",
    ),
    "target": (
        "max_logical_replication_workers",
        "max_worker_processes",
        "max_replication_slots",
        "max_active_replication_origins",
        "wal_receiver_timeout",
    ),
}
"""By side; what a version of PostgreSQL has not got is left out."""


def read_settings(source: Connection, target: Connection) -> Settings:
    """Return the settings of both servers that the task depends on."""
    return {"source": _read(source, "source"), "target": _read(target, "target")}


def _read(connection: Connection, side: Side) -> dict[str, str]:
    rows = connection.execute(
        "select name, pg_catalog.current_setting(name) as setting from pg_catalog.pg_settings"
        " where name = any (%s) order by name",
        [list(RELIED_ON[side])],
    ).fetchall()
    return {row.name: row.setting for row in rows}


def compare_settings(begun: Settings, now: Settings) -> Iterator[Drift]:
    """Yield the settings of both servers that are not what they were when the task began."""
    for side, name, old, value in _both(begun, now):
        if old != value:
            setting = sql.SQL("alter system set {} = {}").format(sql.SQL(name), sql.Literal(old)).as_string()
            said = (
                f"setting {name} of the {side} is {value}, and was {old} when the task began; where nobody meant"
                f" that, run there: {setting}; select pg_reload_conf()"
            )
            yield Drift(kind=KIND, database=None, object=_label(name, side), message=said)


def is_back(drift: Drift, begun: Settings, now: Settings) -> bool:
    """Tell whether a setting that was told is again what it was when the task began."""
    same = {_label(name, side) for side, name, old, value in _both(begun, now) if old == value}
    return drift.kind == KIND and drift.object in same


def _both(begun: Settings, now: Settings) -> Iterator[tuple[Side, str, str, str]]:
    """Yield side, name and both values of what is known of both moments."""
    for side, values in now.items():
        for name, value in values.items():
            if name in begun[side]:
                yield side, name, begun[side][name], value


def _label(name: str, side: Side) -> str:
    return f"setting {name} of the {side}"
