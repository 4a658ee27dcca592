"""The WAL that a slot holds back on the source, and whether the slot will live."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from dtsrun.api import Connection

RISKY_BYTES: Final = 1024**3
"""Left before a slot is lost, below which we say so: at 16 MB/s a minute's worth of writing."""

FIRST_WITH_STATUS: Final = 13
"""wal_status and safe_wal_size came with version 13; before, a slot holds WAL without any bound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotState:
    """How a slot stands on its server."""

    retained_bytes: int | None = None
    """WAL that it keeps from being removed."""
    safe_bytes: int | None = None
    """What can still be written before the slot is lost; None: there is no bound (max_slot_wal_keep_size)."""
    is_lost: bool = False
    is_at_risk: bool = False
    why: str = ""


def slot_state(source: Connection, name: str) -> SlotState:
    """Return how a slot stands. Raises psycopg.Error."""
    has_status = source.info.server_version >= FIRST_WITH_STATUS * 10000
    query = "slot_state.sql" if has_status else "slot_state_before_13.sql"
    row = source.execute(files(__package__).joinpath(query).read_bytes(), [name]).fetchone()
    if row is None:
        return SlotState(is_lost=True, why="somebody dropped it")
    if row.wal_status == "lost":
        return SlotState(is_lost=True, why="the source removed WAL that it needs (max_slot_wal_keep_size)")
    at_risk = row.wal_status == "unreserved" or (row.safe_bytes is not None and row.safe_bytes < RISKY_BYTES)
    why = f"its slot {name} is lost when {max(row.safe_bytes or 0, 0):,} more bytes of WAL are written"
    return SlotState(
        retained_bytes=row.retained_bytes,
        safe_bytes=row.safe_bytes,
        is_at_risk=at_risk,
        why=why if at_risk else "",
    )
