"""The two ends of a COPY, each a connection driven through libpq without blocking.

Both movers, the relay and libpq's own loop, share how a COPY begins, ends, fails and is given up. Waiting is never
longer than a tick, so that a wish to stop is heard while a server is silent.
"""

from __future__ import annotations

import math
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn, Protocol

import psycopg
from psycopg import sql
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from dtsrun.api.contexts import Connection
from dtsrun.api.routes import Side
from dtsrun.postgres.detour import Line

TICK_SECONDS: Final = 0.5
"""How long we wait for a server before we look whether the user wants us to stop."""
FAREWELL_SECONDS: Final = 10.0
"""How long a server has to end a COPY that is given up; then its connection is closed."""

FAILED: Final = (ExecStatus.FATAL_ERROR, ExecStatus.NONFATAL_ERROR, ExecStatus.BAD_RESPONSE)


class Progress(Protocol):
    """Told of work done since the last call; may raise to stop the work."""

    def __call__(self, *, rows: int = 0, bytes: int = 0) -> None: ...


class End:
    """One connection while it copies."""

    side: Side
    note: str

    def __init__(self, connection: Connection, progress: Progress, line: Line | None = None) -> None:
        self.connection = connection
        self._pgconn = connection.pgconn
        self._progress = progress
        self._line = line or Line(connection.pgconn)
        self._deadline: float | None = None
        self._tick_again = time.monotonic() + TICK_SECONDS
        self._has_failed = False
        """Whether the server has ended the COPY itself, with an error."""

    def send(self, statement: sql.Composable) -> None:
        """Send the statement; do not wait for its answer."""
        with self.blamed():
            self._pgconn.send_query(statement.as_bytes(self.connection))
            self._flush()

    def expect(self, status: ExecStatus) -> bool:
        """Wait until the server is ready to copy; return whether in binary format. Raises psycopg.Error."""
        result = self._result()
        if result is None or result.status != status:
            self._raise_for(result)
        return bool(result.binary_tuples)

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

    def close(self) -> None:
        """Leave the connection to libpq."""
        self._line.close()

    def tick(self) -> None:
        """Let the user stop us. Raises psycopg.OperationalError where a server does not let us go in time."""
        if self._deadline is None:
            self._progress()
        elif time.monotonic() > self._deadline:
            raise psycopg.OperationalError(f"the {self.side} does not end its COPY")

    @contextmanager
    def blamed(self) -> Iterator[None]:
        """Note on libpq's own errors which end they concern."""
        try:
            yield
        except psycopg.Error as error:
            if side_of(error) is None:
                error.add_note(self.note)
            raise

    def _leave(self) -> None:
        raise NotImplementedError

    def _result(self) -> PGresult | None:
        with self.blamed():
            while self._pgconn.is_busy():
                self._wait(select.POLLIN if self._line.flush() else select.POLLIN | select.POLLOUT)
                self._receive()
            return self._pgconn.get_result()

    def _flush(self) -> None:
        while not self._line.flush():
            self._wait_to_send()

    def _wait_to_send(self) -> None:
        # The server may have something to say first: who only writes may wait for ever.
        if self._wait(select.POLLIN | select.POLLOUT) & ~select.POLLOUT:
            self._receive()

    def _receive(self) -> None:
        """Take what the server has sent."""
        self._line.receive()

    def _wait(self, events: int) -> int:
        """Wait for the socket, at most a tick; return what is ready."""
        poll = select.poll()
        poll.register(self._line.fileno(), events)
        ready = poll.poll(TICK_SECONDS * 1000)
        # Also while the server goes on talking: it may never stop by itself.
        if not ready or time.monotonic() > self._tick_again:
            self.tick()
            self._tick_again = time.monotonic() + TICK_SECONDS
        return ready[0][1] if ready else 0

    def _cancel(self) -> None:
        self.connection.cancel_safe(timeout=FAREWELL_SECONDS)

    def _raise_for(self, result: PGresult | None) -> NoReturn:
        if result is None or result.status not in FAILED:
            raise psycopg.ProgrammingError(f"the statement for the {self.side} is no COPY of the expected direction")
        self._has_failed = True
        error = error_from_result(result, self.connection.info.encoding)
        error.add_note(self.note)
        raise error


class CopySource(End):
    """The end that copies out."""

    side = "source"
    note = "while reading from the source"

    _cancel_again = math.inf
    """When to cancel once more: a cancellation that comes before the statement begins is lost."""

    def tick(self) -> None:
        """Let the user stop us; cancel once more what does not end. Raises psycopg.OperationalError, see `End.tick`."""
        super().tick()
        if time.monotonic() > self._cancel_again:
            self._cancel()

    def finish(self) -> None:
        """Take the server's word that these were all rows. Raises psycopg.Error."""
        while (result := self._result()) is not None:
            if result.status != ExecStatus.COMMAND_OK:
                self._raise_for(result)

    def _leave(self) -> None:
        if self._pgconn.transaction_status == TransactionStatus.ACTIVE and not self._has_failed:
            self._cancel()
        while (result := self._result()) is not None:
            if result.status == ExecStatus.COPY_OUT:
                self._discard_rows()

    def _discard_rows(self) -> None:
        while (length := self._pgconn.get_copy_data(1)[0]) >= 0:
            if length == 0:
                self._wait(select.POLLIN)
                self._receive()
            self.tick()

    def _cancel(self) -> None:
        super()._cancel()
        self._cancel_again = time.monotonic() + TICK_SECONDS


class CopyTarget(End):
    """The end that copies in."""

    side = "target"
    note = "while writing to the target"

    _cancelled = False

    def end(self) -> int:
        """Say that these were all rows; return how many the server took. Raises psycopg.Error."""
        with self.blamed():
            self._pgconn.put_copy_end()
            self._flush()
        rows = 0
        while (result := self._result()) is not None:
            if result.status != ExecStatus.COMMAND_OK:
                self._raise_for(result)
            rows = result.command_tuples or 0
        return rows

    def tick(self) -> None:
        """Let the user stop us; cancel a server that waits for a lock, or takes long to end the COPY."""
        if self._deadline is not None and not self._cancelled:
            self._cancel()
        super().tick()

    def _refuse(self, reason: str) -> None:
        """Raise what the server said while it took rows: libpq keeps that to itself until we end the COPY."""
        self._end_with_error(reason)
        self._raise_for(self._result())

    def _end_with_error(self, reason: str) -> None:
        self._pgconn.put_copy_end(reason.encode())
        self._flush()

    def _leave(self) -> None:
        while (result := self._result()) is not None:
            if result.status == ExecStatus.COPY_IN:
                self._end_with_error("the copy was given up")

    def _cancel(self) -> None:
        self._cancelled = True
        super()._cancel()


def side_of(error: BaseException) -> Side | None:
    """Return which end an error of a COPY came from, None if it came from neither."""
    for end in (CopySource, CopyTarget):
        if end.note in getattr(error, "__notes__", ()):
            return end.side
    return None
