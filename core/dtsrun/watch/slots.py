"""How much WAL the slots hold back on the source, and slots that are lost.

A slot keeps all WAL from its position on. Without `max_slot_wal_keep_size` it does so until the disk is full and the
source stops; with it, the server gives the slot up, and the tables of its link have to be copied anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final

from dtsrun.api import Connection, Link, LinkTable

WARN_SHARE: Final = 0.5
ALARM_SHARE: Final = 0.8
"""Shares of the limit, or of the room that the disk is known to have."""

WARN_BYTES: Final = 16 * 1024**3
"""Where there is no limit and nobody said how much room the disk has: a thousand segments of the usual size."""


MB: Final = 1024**2


class Level(StrEnum):
    """How urgent something is."""

    QUIET = "quiet"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, kw_only=True, slots=True)
class RetainedWal:
    """What one slot holds back."""

    slot: str
    bytes: int
    limit: int | None
    """`max_slot_wal_keep_size` of the source, or the room that the user named; None: there is none."""
    safe_bytes: int | None
    """How much may still be written until the server gives the slot up; None where it does not say."""
    level: Level
    message: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LostLink:
    """A link that cannot go on: its slot is gone, or the WAL that it needs. Its tables have to be copied anew."""

    link: str
    database: str
    reason: str
    tables: tuple[LinkTable, ...]


def read_slots(source: Connection, names: Sequence[str]) -> Mapping[str, Any]:
    """Return the slots of these names that are there: rows of `slots.sql` by name."""
    query = files(__package__).joinpath("slots.sql").read_bytes()
    return {row.name: row for row in source.execute(query, {"names": list(names)}).fetchall()}


def retained_wal(slots: Mapping[str, Any], *, room: int | None = None) -> list[RetainedWal]:
    """Return what each slot holds back, and how urgent it is.

    Args:
        slots: what `read_slots` gave; lost ones are left to `lost_links`.
        room: bytes that the source's disk may give to WAL, where the user knows.
    """
    return [_retained(row, room) for row in slots.values() if _loss(row) is None]


def lost_links(
    links: Iterable[Link], slots: Mapping[str, Any], broken: Mapping[str, str] | None = None
) -> list[LostLink]:
    """Return the links whose slot is not there, was given up by the server, or is another one.

    Args:
        slots: what `read_slots` gave for the names of these links.
        broken: names of slots that are not what they were (`dtsrun.watch.continuity`), and why.
    """
    return [
        LostLink(link=link.name, database=link.database, reason=reason, tables=link.tables)
        for link in links
        if (reason := _loss(slots.get(link.name)) or (broken or {}).get(link.name)) is not None
    ]


def _loss(row: Any) -> str | None:
    if row is None:
        return "the slot was dropped on the source"
    if row.wal_status == "lost" or row.reason or row.restart is None:
        reason = (row.reason or "wal_removed").replace("_", " ")
        return f"the source gave the slot up ({reason})"
    return None


def _retained(row: Any, room: int | None) -> RetainedWal:
    limit = min((each for each in (row.most, room) if each is not None), default=None)
    level = _level(row, limit)
    return RetainedWal(
        slot=row.name,
        bytes=max(0, row.retained),
        limit=limit,
        safe_bytes=row.safe_bytes,
        level=level,
        message=_message(row, limit, level),
    )


def _level(row: Any, limit: int | None) -> Level:
    # `unreserved`: beyond the limit already, and lost at the next checkpoint.
    if row.wal_status == "unreserved":
        return Level.ALARM
    if limit is None:
        return Level.WARNING if row.retained >= WARN_BYTES else Level.QUIET
    if row.retained >= limit * ALARM_SHARE:
        return Level.ALARM
    return Level.WARNING if row.retained >= limit * WARN_SHARE else Level.QUIET


def _message(row: Any, limit: int | None, level: Level) -> str:
    text = f"slot {row.name} holds back {_size(max(0, row.retained))} of WAL on the source"
    if row.wal_status == "unreserved":
        given_up = "the next checkpoint may give it up, and its tables are copied anew then"
        return f"{text}, more than max_slot_wal_keep_size: {given_up}; {_raising(row)}"
    if limit is None:
        stops = "and nothing limits it but the disk: a source whose disk is full stops"
        return text if level is Level.QUIET else f"{text}, {stops}"
    text = f"{text}, of {_size(limit)}"
    if level is Level.QUIET or limit != row.most:
        return text
    return f"{text}; beyond that the source gives it up, and its tables are copied anew; {_raising(row)}"


def _raising(row: Any) -> str:
    """Return the statements that let a slot hold back more: twice the limit, or what it holds already."""
    wanted = 2 * max(row.most or 0, row.retained) // MB
    return (
        f"where its disk has the room, run on the source: alter system set max_slot_wal_keep_size = '{wanted}MB';"
        " select pg_reload_conf()"
    )


def _size(count: int) -> str:
    """Return bytes as pg_size_pretty writes them."""
    scaled, units = float(count), iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while scaled >= 1024 and unit != "TB":
        scaled, unit = scaled / 1024, next(units)
    return f"{scaled:.0f} {unit}" if unit == "B" or scaled >= 100 else f"{scaled:.1f} {unit}"
