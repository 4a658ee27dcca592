"""How far the target is behind its source: in bytes of WAL, and in seconds.

Seconds come from heartbeats: now and then the source is asked for its position, after a logical message of our own
was written there. What is not yet applied of that tells since when the target is behind. The message has a second
use: on a source where nothing else is written the slot goes on all the same, and holds no WAL back.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import psycopg

from dtsrun.api import Connection
from dtsrun.postgres.lsn import parse_lsn

BEAT_SECONDS: Final = 2.0
MOST_SAMPLES: Final = 5000
"""Of an hour or two; who is further behind than that is behind by at least that."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How far a link is behind."""

    bytes: int
    seconds: float

    @property
    def is_zero(self) -> bool:
        """Whether people would call it none: a gap of 0 MB and 0 s. While anybody writes there is always some; that
        nothing is left behind is proved otherwise (`dtsrun.completion.proof`)."""
        return self.bytes < 2**20 and self.seconds < 1.0


def now_at(source: Connection) -> int:
    """Return up to where the source has written its WAL to disk; what is beyond is not committed for anybody yet."""
    row = source.execute("select pg_catalog.pg_current_wal_flush_lsn()::text as position").fetchone()
    assert row is not None  # a query without a table has one row
    return parse_lsn(row.position)


class Heartbeat:
    """The pulse of one source database, and how far behind it a position is."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: deque[tuple[float, int]] = deque(maxlen=MOST_SAMPLES)
        self._beat_again = 0.0
        self._writes = True
        self.refusal: str | None = None
        """Why no message can be written, where that is so; the position alone is sampled then."""

    def beat(self, source: Connection) -> None:
        """Write a message and note where the source stands, if it is time. Raises psycopg.Error."""
        now = self._clock()
        if now < self._beat_again:
            return
        self._beat_again = now + BEAT_SECONDS
        self._write(source)
        self._samples.append((now, now_at(source)))

    def lag(self, source: Connection, applied: int | None) -> Lag:
        """Return how far behind the source a position is. Raises psycopg.Error."""
        position = now_at(source)
        if applied is not None:
            while self._samples and self._samples[0][1] <= applied:
                self._samples.popleft()
        behind = max(0, position - (applied or 0))
        since = self._samples[0][0] if behind and self._samples else None
        return Lag(behind, 0.0 if since is None else max(0.0, self._clock() - since))

    def _write(self, source: Connection) -> None:
        if not self._writes:
            return
        try:
            # Transactional: it is a commit that a slot can confirm. It is written to disk at once, since a link would
            # otherwise have to wait for it.
            source.execute(
                "begin; set local synchronous_commit = on;"
                " select pg_catalog.pg_logical_emit_message(true, 'dtsrun', 'heartbeat'); commit"
            )
        except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
            source.rollback()
            self._writes = False
            self.refusal = error.diag.message_primary or str(error)
