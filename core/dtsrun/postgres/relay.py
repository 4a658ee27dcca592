"""Moves rows from wire to wire: what the source sends of a COPY goes to the target as it came, in large chunks.

A CopyData message has the same bytes in both directions, so a row need not be taken out of one and put into another:
the stream is forwarded as it is, headers and all, also a part of a row, so that memory is bounded by a chunk whatever
the rows hold. Each end has a way around libpq, a detour from its socket (see `dtsrun.postgres.detour`) or a line in its
TLS session (see `dtsrun.postgres.tls_line`), which keeps rows from libpq and leaves it all else: libpq sends both
statements, ends the COPY, and reads errors and the state of the transaction itself. The connections are afterwards as
after any statement, or closed.

* Errors of the source end its rows, and libpq has them. Errors of the target arrive while we still send: its socket is
  looked at with every chunk, and whatever is no notice, parameter or notification means that it takes no more rows.
* Half a row may be on the target's wire when we have to give up. The server would take what we say next for the other
  half: the row is made whole before (see `InDetour.put_rest`), or the connection is closed.
* A target that waits for a lock reads nothing: we wait for both sockets at most a tick, and cancel it when we give up.
"""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from typing import Final

from psycopg.pq import ExecStatus

from dtsrun.api.contexts import Connection
from dtsrun.postgres.copy_ends import TICK_SECONDS, CopySource, CopyTarget, Progress
from dtsrun.postgres.detour import InDetour, OutDetour
from dtsrun.postgres.frames import HEADER_BYTES
from dtsrun.postgres.tls_line import TlsIn, TlsOut

REPORT_SECONDS: Final = 0.1
"""How often progress is told of while rows move."""

REPORT_BYTES: Final = 2**20
"""And after how many bytes at the latest: whoever is to slow us down learns of them only then."""


def relay(out: RelaySource, into: RelayTarget, progress: Progress, *, extra: int) -> int:
    """Move all rows; return their bytes, headers not counted. Raises psycopg.Error, and what `progress` raises.

    Args:
        extra: how many of the messages are no rows.
    """
    total, size, rows = 0, 0, -extra
    due = time.monotonic()  # a copy that is to be held or slowed is so from its first rows on
    for count, chunk, lacking in out.chunks(into):
        into.write(chunk, lacking)
        rows += count
        size += len(chunk) - count * HEADER_BYTES
        now = time.monotonic()
        if now > due or size >= REPORT_BYTES:
            progress(rows=rows, bytes=size)
            total, size, rows = total + size, 0, 0
            due = _next_report(now)
    progress(rows=rows, bytes=size)
    return total + size


def _next_report(last: float) -> float:
    """Return when to tell again. Who was kept waiting tells of the very next chunk: a copy that is held or slowed moves
    by single chunks, not by whatever fits into a tenth of a second."""
    now = time.monotonic()
    return now if now - last > REPORT_SECONDS else now + REPORT_SECONDS


class RelaySource(CopySource):
    """A source whose rows we read from the wire."""

    def __init__(self, connection: Connection, progress: Progress) -> None:
        pgconn = connection.pgconn
        self._detour = TlsOut(pgconn) if pgconn.ssl_in_use else OutDetour(pgconn)
        super().__init__(connection, progress, self._detour)

    @property
    def is_aligned(self) -> bool:
        """Whether it is known where the rows begin."""
        return self._detour.aligned

    def expect(self, status: ExecStatus) -> bool:
        """Wait until the server is ready to copy; return whether in binary format. Raises psycopg.Error."""
        with self.blamed():
            while self._detour.is_binary is None and self._pgconn.is_busy():
                self._wait(select.POLLIN)
                self._receive()
        return super().expect(status) if self._detour.is_binary is None else self._detour.is_binary

    def leave_to_libpq(self) -> None:
        """Let libpq have the rows too: there is no relay. Called before the server's answer is looked at."""
        self._detour.leave_to_libpq()

    def chunks(self, into: RelayTarget) -> Iterator[tuple[int, memoryview, int]]:
        """Yield all rows as they come, see `OutDetour.rows`; `into` is looked at with each chunk and while none comes.

        Raises:
            psycopg.Error: an error of the target, or the source is gone.
        """
        detour = self._detour
        both = select.poll()
        both.register(detour.fileno(), select.POLLIN)
        both.register(into.fileno(), select.POLLIN)
        while True:
            yield from self._here()
            into.look()
            if detour.is_over:
                return
            if not both.poll(TICK_SECONDS * 1000):
                self.tick()

    def _here(self) -> Iterator[tuple[int, memoryview, int]]:
        with self.blamed():
            yield from self._detour.rows()

    def _discard_rows(self) -> None:
        while not self._detour.is_over:
            self._wait(select.POLLIN)
            self._receive()


class RelayTarget(CopyTarget):
    """A target whose rows we write to the wire."""

    def __init__(self, connection: Connection, progress: Progress) -> None:
        pgconn = connection.pgconn
        self._detour = TlsIn(pgconn) if pgconn.ssl_in_use else InDetour(pgconn)
        super().__init__(connection, progress, self._detour)

    @property
    def is_aligned(self) -> bool:
        """Whether it is known where the server's messages begin."""
        return self._detour.aligned

    def fileno(self) -> int:
        """Return the descriptor on which the server speaks."""
        return self._detour.fileno()

    def write(self, rows: memoryview, lacking: int) -> None:
        """Send rows; return when all are on their way. Raises psycopg.Error."""
        with self.blamed():
            is_sent = self._detour.put(rows, lacking)
            while not is_sent:
                self._wait_to_send()
                self._raise_refusal()
                is_sent = self._detour.send()

    def look(self) -> None:
        """Look whether the server has refused a row. Raises psycopg.Error."""
        with self.blamed():
            self._receive()
            self._raise_refusal()

    def _raise_refusal(self) -> None:
        self._pgconn.is_busy()  # lets libpq hand over notices
        if self._detour.is_refused:
            self._refuse("the target takes no more rows")

    def _end_with_error(self, reason: str) -> None:
        self._make_whole()
        super()._end_with_error(reason)

    def _make_whole(self) -> None:
        is_sent = self._detour.send()
        while not is_sent or self._detour.lacks_rest:
            if is_sent:
                is_sent = self._detour.put_rest()
            else:
                self._wait_to_send()
                is_sent = self._detour.send()
