"""Moves rows through libpq: it takes each row out of the stream, and we hand many of them back at once.

For connections whose stream only libpq can read (GSSAPI, or TLS where libpq keeps its session to itself), and for a
few rows. Memory is bounded by a block, or by the largest row, of which libpq holds two: the message as it came, and the
row that it hands over.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from dtsrun.api.contexts import Connection
from dtsrun.postgres.copy_ends import CopySource, CopyTarget, Progress
from dtsrun.postgres.detour import Line

BLOCK_BYTES: Final = 256 * 1024
"""Rows are joined until they are this long; 128 KiB to 1 MiB were alike, beyond that the processor's cache is lost."""
PIECE_BYTES: Final = 1024 * 1024
"""A longer row goes out in pieces, so that libpq's send buffer does not grow to its length too."""
DOUBT_SECONDS: Final = 1.0
"""How long a target may have said something that is no notice before we ask for it by ending the COPY."""
REPORTS_LATE: Final = 140000
"""From this version on servers report changed parameters after a statement, never while a COPY runs."""


def move_through_libpq(out: LoopSource, into: LoopTarget, progress: Progress, *, extra: int) -> int:
    """Move all rows; return their bytes. Raises psycopg.Error, and what `progress` raises.

    Args:
        extra: how many of the messages are no rows.
    """
    size = 0
    with into.watching_notices():
        for rows, block in out.blocks(into.look):
            into.write(block)
            size += len(block)
            progress(rows=rows - extra, bytes=len(block))
            extra = 0
            del block  # a huge row is gone before the next one comes
    return size


class LoopSource(CopySource):
    """A source that is read through libpq."""

    def blocks(self, look: Callable[[], None]) -> Iterator[tuple[int, bytes | memoryview]]:
        """Yield the number of rows in a block, and the block; `look` is called whenever we wait for the server."""
        rows: list[bytes | memoryview] = []
        goes_on = True
        while goes_on:
            goes_on = self._gather(rows, look)
            if rows:
                # One that fills a block by itself may be huge: it is not copied once more.
                yield len(rows), rows[0] if len(rows) == 1 else b"".join(rows)
                rows.clear()

    def _gather(self, rows: list[bytes | memoryview], look: Callable[[], None]) -> bool:
        """Fill `rows` up to a block; return False at the end of the COPY."""
        size = 0
        fetch = self._pgconn.get_copy_data
        with self.blamed():
            while size < BLOCK_BYTES:
                length, row = fetch(1)
                if length > 0:
                    rows.append(row)
                    size += length
                elif length < 0:
                    return False
                else:
                    look()
                    self._wait(select.POLLIN)
                    self._receive()
        return True


class LoopTarget(CopyTarget):
    """A target that is written through libpq."""

    def __init__(self, connection: Connection, progress: Progress, line: Line | None = None) -> None:
        super().__init__(connection, progress, line)
        self._doubtful_since: float | None = None

    def write(self, block: bytes | memoryview) -> None:
        """Send a block; return when libpq has none of it left. Raises psycopg.Error."""
        with self.blamed():
            for start in range(0, len(block), PIECE_BYTES):
                self._pgconn.put_copy_data(memoryview(block)[start : start + PIECE_BYTES])
                self._flush()
        self.look()

    @contextmanager
    def watching_notices(self) -> Iterator[None]:
        """Listen to notices while rows go out: what a target says otherwise is an error."""
        self._doubtful_since = None
        self.connection.add_notice_handler(self._heard_notice)
        try:
            yield
        finally:
            self.connection.remove_notice_handler(self._heard_notice)

    def look(self) -> None:
        """Look whether the target has refused a row already. Raises psycopg.Error.

        During a COPY libpq keeps an error to itself until we end it. A server that speaks while it takes rows has a
        notice, which libpq hands over at once, or an error. Ending the COPY too early would only fail it: the reason
        that we give then stands in the message. Servers before 14 may report a parameter too, which cannot be told
        from an error here: theirs come to light when all rows are sent.
        """
        with self.blamed():
            if self._is_readable():
                self._receive()
            self._pgconn.is_busy()  # lets libpq hand over notices
        if self._is_surely_refused():
            self._refuse("the target has spoken")

    def _is_surely_refused(self) -> bool:
        if self._doubtful_since is None or self._pgconn.server_version < REPORTS_LATE:
            return False
        return time.monotonic() - self._doubtful_since > DOUBT_SECONDS

    def _receive(self) -> None:
        self._doubtful_since = self._doubtful_since or time.monotonic()
        super()._receive()

    def _is_readable(self) -> bool:
        poll = select.poll()
        poll.register(self._line.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _heard_notice(self, notice: psycopg.errors.Diagnostic) -> None:
        self._doubtful_since = None
