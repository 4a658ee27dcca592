"""Whether a slot is the one that a link began on, and nobody but its engine has read it.

A slot that is dropped and made anew under its name looks just like the one before, and the engine goes on with it
without a word: what was committed in between is in neither. The same comes of `pg_replication_slot_advance`, and of
somebody else who reads the slot. Slots have no identity of their own, so that this is seen by two things:

* A slot stands where its reader has confirmed. One that stands beyond all that our engine may have confirmed was moved
  by somebody else.
* From version 14 on the server counts what a slot has decoded. Such a count falls only with the slot, or with the
  server's statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from typing import Any, Final

from dtsrun.api import Connection
from dtsrun.postgres.lsn import format_lsn, parse_lsn

FIRST_WITH_COUNTS: Final = 140000
"""pg_stat_replication_slots came with version 14."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotState:
    """What is remembered of a slot."""

    confirmed: int
    """Position up to which its reader has confirmed all."""
    is_active: bool
    """Whether somebody reads it."""
    transactions: int | None = None
    """Decoded since it was made; None: the server does not count."""
    bytes: int | None = None
    reset_at: str | None = None
    """When somebody reset its counts."""
    server_reset_at: str | None = None
    """Since when the server counts at all."""

    def as_data(self) -> dict[str, Any]:
        """Return it as the journal keeps it."""
        return asdict(self)


def read_states(source: Connection, names: Sequence[str]) -> Mapping[str, SlotState]:
    """Return how the slots of these names stand; those that are not there are left out."""
    if source.info.server_version >= FIRST_WITH_COUNTS:
        query = files(__package__).joinpath("slot_states.sql").read_bytes()
    else:
        query = (
            b"select slot_name::text as name, confirmed_flush_lsn::text as confirmed, active as is_active,"
            b"       null as transactions, null as bytes, null as reset_at, null as server_reset_at"
            b"  from pg_catalog.pg_replication_slots"
            b" where slot_name = any (%(names)s) and confirmed_flush_lsn is not null"
        )
    return {
        row.name: SlotState(
            confirmed=parse_lsn(row.confirmed),
            is_active=row.is_active,
            transactions=row.transactions,
            bytes=row.bytes,
            reset_at=row.reset_at,
            server_reset_at=row.server_reset_at,
        )
        for row in source.execute(query, {"names": list(names)}).fetchall()
    }


def why_broken(now: SlotState, before: SlotState | None, most: int | None) -> str | None:
    """Return why a slot no longer holds all that its link lacks; None where nothing says so.

    Args:
        before: how it stood at an earlier look.
        most: position up to which its engine may have confirmed; None: that cannot be said.
    """
    if before is not None and _has_forgotten(now, before):
        return (
            f"the slot was dropped on the source and made anew: it has decoded {now.transactions} transactions, and"
            f" {before.transactions} at an earlier look; what was committed in between is in neither"
        )
    if most is not None and now.confirmed > most:
        return (
            f"the slot was dropped on the source and made anew, or moved on by somebody else: it begins at"
            f" {format_lsn(now.confirmed)}, and this task has read it to {format_lsn(most)} only"
        )
    return None


def _has_forgotten(now: SlotState, before: SlotState) -> bool:
    """Tell whether counts fell that only a new slot lets fall."""
    if None in (now.transactions, now.bytes, before.transactions, before.bytes):
        return False
    if now.server_reset_at is None or now.server_reset_at != before.server_reset_at:
        return False  # all counts of the server are new
    if now.reset_at is not None and now.reset_at != before.reset_at:
        return False  # somebody reset those of this slot
    return (now.transactions or 0) < (before.transactions or 0) or (now.bytes or 0) < (before.bytes or 0)
