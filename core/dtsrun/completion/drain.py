"""The drain: all that was committed before the fence arrives on the target, or it is said what stood in the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from dtsrun.api import Connection, LinkStatus
from dtsrun.postgres.lsn import format_lsn, parse_lsn
from dtsrun.watch.positions import beat

LOOK_SECONDS: Final = 0.2

Statuses = Callable[[], Sequence[LinkStatus]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drained:
    """How far the links came. Plain data."""

    position: int
    """That of the fence: what was committed before it lies before it in the log."""
    is_complete: bool
    """Whether every link has committed all of that on the target."""
    seconds: float
    behind: tuple[str, ...] = ()
    """Of each link that has not: a sentence that says why, or by how much."""


def fence_position(source: Connection) -> int:
    """Return a position behind every commit that anybody was told of before the call; the log is on disk up to there.

    The position is where the next record would begin. A commit is acknowledged only after its record was inserted, so
    the records of all earlier ones lie before it. It is not compared with the end of the log as it is: that may lie
    in the head of a page (the next record's place), where no link ever arrives while nothing more is written. So one
    small transaction is written behind it whose commit waits for the disk: with it everything before the position is
    on disk, also what was committed with `synchronous_commit = off`, and since walsenders send what is on disk, every
    link passes the position. A standby has what it has replayed.

    Args:
        source: an autocommit session on the source.
    """
    row = source.execute(
        "select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()"
        "            else pg_catalog.pg_current_wal_insert_lsn() end::text as position"
    ).fetchone()
    assert row is not None  # a query without a table has one row
    beat(source)
    return parse_lsn(row.position)


def drain(statuses: Statuses, position: int, *, timeout: float, progress: Callable[[str], None]) -> Drained:
    """Wait until every link has applied all that lies before a position.

    Args:
        statuses: how the links stand, asked again and again.
        timeout: seconds after which the wait ends without success.
        progress: told what is still to come, at every look; may raise to give up.
    """
    began = time.monotonic()
    while True:
        found = statuses()
        behind = tuple(_told(status, position) for status in found if not _has_applied(status, position))
        seconds = time.monotonic() - began
        failed = any(status.state == "failed" for status in found if not _has_applied(status, position))
        if not behind or failed or seconds > timeout:
            return Drained(position=position, is_complete=not behind, seconds=seconds, behind=behind)
        progress("; ".join(behind))
        time.sleep(LOOK_SECONDS)


def _has_applied(status: LinkStatus, position: int) -> bool:
    return status.applied is not None and status.applied >= position


def _told(status: LinkStatus, position: int) -> str:
    where = f" at {status.table}" if status.table else ""
    error = f", {status.error}{where}" if status.error else ""
    if status.applied is None:
        return f"{status.link} has applied nothing yet ({status.state}{error})"
    return f"{status.link} is {position - status.applied} bytes before {format_lsn(position)} ({status.state}{error})"
