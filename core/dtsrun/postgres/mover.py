"""Moves rows: what one server's COPY TO gives goes into another server's COPY FROM.

This is the one seam through which bulk rows pass. It drives libpq directly: psycopg's own loop over a COPY takes two
to four times as long, since it hands over row by row (measured: 7.5 s against 4.4 s for 5 million rows).

Both sockets are served without blocking, so that threads of one process copy side by side, a wish to stop is heard
while a server is silent, and an error of the target is noticed before the whole table was sent. Memory is bounded by
a block, or by the largest row, of which libpq needs up to three copies.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from dtsrun.api.contexts import Connection
from dtsrun.api.routes import Side

BLOCK_BYTES: Final = 256 * 1024
"""Rows are joined until they are this long; 128 KiB to 1 MiB were alike, beyond that the processor's cache is lost."""
PIECE_BYTES: Final = 1024 * 1024
"""A longer row goes out in pieces, so that libpq's send buffer does not grow to its length too."""
TICK_SECONDS: Final = 0.5
"""How long we wait for a server before we look whether the user wants us to stop."""
DOUBT_SECONDS: Final = 1.0
"""How long a target may have said something that is no notice before we ask for it by ending the COPY."""
FAREWELL_SECONDS: Final = 10.0
"""How long a server has to end a cancelled COPY; then its connection is closed."""

FAILED: Final = (ExecStatus.FATAL_ERROR, ExecStatus.NONFATAL_ERROR, ExecStatus.BAD_RESPONSE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """What was moved."""

    rows: int
    bytes: int
    """In the format of the COPY, not on disk."""


class Progress(Protocol):
    """Told of work done since the last call; may raise to stop the work."""

    def __call__(self, *, rows: int = 0, bytes: int = 0) -> None: ...


def copy_rows(
    source: Connection,
    copy_to: sql.Composable,
    target: Connection,
    copy_from: sql.Composable,
    *,
    progress: Progress,
) -> Moved:
    """Run `copy_to` (COPY ... TO STDOUT) on the source, `copy_from` (COPY ... FROM STDIN) on the target, and move
    the rows between.

    Both connections are used as they stand: no transaction begins or ends here. `progress` is called at least twice a
    second, also when nothing moves.

    Raises:
        psycopg.Error: what a server said, with all its fields (`diag`); `side_of` tells which server. The other
            server's COPY was ended with an error, so that it keeps nothing. Both connections are then in a failed
            transaction, or closed where a server did not answer.
        BaseException: what `progress` raised; the same holds.
    """
    out = _Source(source, progress)
    into = _Target(target, progress)
    try:
        return _move(out, copy_to, into, copy_from, progress)
    except BaseException:
        out.abandon()
        into.abandon()
        raise


def side_of(error: BaseException) -> Side | None:
    """Return which end an error of `copy_rows` came from, None if it came from neither."""
    for end in (_Source, _Target):
        if end.note in getattr(error, "__notes__", ()):
            return end.side
    return None


def _move(out: _Source, copy_to: sql.Composable, into: _Target, copy_from: sql.Composable, progress: Progress) -> Moved:
    # Both statements are on their way before we wait for either: one round trip instead of two.
    out.send(copy_to)
    into.send(copy_from)
    out.expect(ExecStatus.COPY_OUT)
    into.expect(ExecStatus.COPY_IN)
    size = 0
    with into.watching_notices():
        for rows, block in out.blocks(into.look):
            into.write(block)
            size += len(block)
            progress(rows=rows, bytes=len(block))
    out.finish()
    return Moved(rows=into.end(), bytes=size)


class _End:
    """One connection while it copies, driven through libpq."""

    side: Side
    note: str

    def __init__(self, connection: Connection, progress: Progress) -> None:
        self.connection = connection
        self._pgconn = connection.pgconn
        self._progress = progress
        self._deadline: float | None = None

    def send(self, statement: sql.Composable) -> None:
        """Send the statement; do not wait for its answer."""
        with self._blamed():
            self._pgconn.send_query(statement.as_bytes(self.connection))
            self._flush()

    def expect(self, status: ExecStatus) -> None:
        """Wait until the server is ready to copy. Raises psycopg.Error."""
        result = self._result()
        if result is None or result.status != status:
            self._raise_for(result)

    def abandon(self) -> None:
        """End the COPY with an error; close the connection where that does not work. Never raises psycopg.Error."""
        self._deadline = time.monotonic() + FAREWELL_SECONDS
        try:
            self._leave()
        except psycopg.Error:
            # The caller gets the error that brought us here; a closed connection rolls back just as well.
            self.connection.close()
        except BaseException:
            self.connection.close()
            raise

    def _leave(self) -> None:
        raise NotImplementedError

    def _result(self) -> PGresult | None:
        with self._blamed():
            while self._pgconn.is_busy():
                self._wait(select.POLLIN)
                self._take()
            return self._pgconn.get_result()

    def _flush(self) -> None:
        while self._pgconn.flush():
            # The server may have something to say first: who only writes may wait for ever.
            if self._wait(select.POLLIN | select.POLLOUT) & select.POLLIN:
                self._take()

    def _take(self) -> None:
        """Let libpq read what the server has sent."""
        self._pgconn.consume_input()

    def _wait(self, events: int) -> int:
        """Wait for the socket, at most a tick; return what is ready."""
        poll = select.poll()
        poll.register(self._pgconn.socket, events)
        ready = poll.poll(TICK_SECONDS * 1000)
        if ready:
            return ready[0][1]
        self._tick()
        return 0

    def _tick(self) -> None:
        if self._deadline is None:
            self._progress()
        elif time.monotonic() > self._deadline:
            raise psycopg.OperationalError(f"the {self.side} does not end its COPY")

    def _raise_for(self, result: PGresult | None) -> None:
        if result is None or result.status not in FAILED:
            raise psycopg.ProgrammingError(f"the statement for the {self.side} is no COPY of the expected direction")
        error = error_from_result(result, self.connection.info.encoding)
        error.add_note(self.note)
        raise error

    @contextmanager
    def _blamed(self) -> Iterator[None]:
        """Note on libpq's own errors which end they concern."""
        try:
            yield
        except psycopg.Error as error:
            if side_of(error) is None:
                error.add_note(self.note)
            raise


class _Source(_End):
    side = "source"
    note = "while reading from the source"

    def blocks(self, look: Callable[[], None]) -> Iterator[tuple[int, bytes]]:
        """Yield the number of rows in a block, and the block; `look` is called whenever we wait for the server."""
        rows: list[bytes | memoryview] = []
        goes_on = True
        while goes_on:
            goes_on = self._gather(rows, look)
            if rows:
                yield len(rows), b"".join(rows)
                rows.clear()

    def finish(self) -> None:
        """Take the server's word that these were all rows. Raises psycopg.Error."""
        while (result := self._result()) is not None:
            if result.status != ExecStatus.COMMAND_OK:
                self._raise_for(result)

    def _gather(self, rows: list[bytes | memoryview], look: Callable[[], None]) -> bool:
        """Fill `rows` up to a block; return False at the end of the COPY."""
        size = 0
        fetch = self._pgconn.get_copy_data
        with self._blamed():
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
                    self._take()
        return True

    def _leave(self) -> None:
        if self._pgconn.transaction_status == TransactionStatus.ACTIVE:
            self.connection.cancel_safe(timeout=FAREWELL_SECONDS)
        while (result := self._result()) is not None:
            if result.status == ExecStatus.COPY_OUT:
                self._drain()

    def _drain(self) -> None:
        while (length := self._pgconn.get_copy_data(1)[0]) >= 0:
            if length == 0:
                self._wait(select.POLLIN)
                self._take()


class _Target(_End):
    side = "target"
    note = "while writing to the target"

    def __init__(self, connection: Connection, progress: Progress) -> None:
        super().__init__(connection, progress)
        self._doubtful_since: float | None = None

    def write(self, block: bytes) -> None:
        """Send a block; return when libpq has none of it left. Raises psycopg.Error."""
        with self._blamed():
            for start in range(0, len(block), PIECE_BYTES):
                self._pgconn.put_copy_data(memoryview(block)[start : start + PIECE_BYTES])
                self._flush()
        self.look()

    def end(self) -> int:
        """Say that these were all rows; return how many the server took. Raises psycopg.Error."""
        with self._blamed():
            self._pgconn.put_copy_end()
            self._flush()
        rows = 0
        while (result := self._result()) is not None:
            if result.status != ExecStatus.COMMAND_OK:
                self._raise_for(result)
            rows = result.command_tuples or 0
        return rows

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
        that we give then stands in the message.
        """
        with self._blamed():
            if self._is_readable():
                self._take()
            self._pgconn.is_busy()  # lets libpq hand over notices
        if self._doubtful_since and time.monotonic() - self._doubtful_since > DOUBT_SECONDS:
            self._end_with_error("the target has spoken")
            self._raise_for(self._result())

    def _take(self) -> None:
        self._doubtful_since = self._doubtful_since or time.monotonic()
        super()._take()

    def _is_readable(self) -> bool:
        poll = select.poll()
        poll.register(self._pgconn.socket, select.POLLIN)
        return bool(poll.poll(0))

    def _heard_notice(self, notice: psycopg.errors.Diagnostic) -> None:
        self._doubtful_since = None

    def _end_with_error(self, reason: str) -> None:
        self._pgconn.put_copy_end(reason.encode())
        self._flush()

    def _leave(self) -> None:
        if self._pgconn.is_busy():
            # It waits for a lock, or is at the end of the COPY already.
            self.connection.cancel_safe(timeout=FAREWELL_SECONDS)
        while (result := self._result()) is not None:
            if result.status == ExecStatus.COPY_IN:
                self._end_with_error("the copy was given up")
