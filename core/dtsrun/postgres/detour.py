"""A detour around libpq: it sees all of the server's messages but the rows of a COPY.

While a COPY runs, libpq's descriptor is one end of a socket pair, and we hold the other end and the server's socket
itself, the *wire*. What libpq writes goes out on the wire as it is. Of what comes in, rows never reach libpq; each
other message does, byte for byte and in its place, so that libpq itself keeps the state of the connection and of the
transaction, collects errors with their fields, hands out notices, and knows parameters: there is no second reading of
the protocol, only a walk over its lengths. When the COPY has ended, libpq's descriptor is the wire again.

Where messages begin is proved, not assumed: the last byte of the answer to a COPY statement is given to libpq alone.
If libpq waited still without it, and does not with it, then it has read all that came before, nothing is left in its
buffer, and the next byte on the wire begins a message. In any other case (half a message was in libpq's buffer
before, the stream is encrypted after all, the statement is no COPY) everything goes to libpq as it comes, and
`aligned` stays False.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from typing import Final

from psycopg.pq import ConnStatus
from psycopg.pq.abc import PGconn

from dtsrun.postgres.frames import COPY_IN, COPY_OUT, HEADER_BYTES, read_header, skip_rows

CHUNK_BYTES: Final = 256 * 1024
"""What is taken from the wire at once; 128 KiB to 1 MiB were alike, beyond that the processor's cache is lost."""
LONGEST_ANSWER: Final = CHUNK_BYTES // 2
"""An answer names the format of each column in two bytes: 3,208 bytes for 1,600 columns."""
FEED_BYTES: Final = 32 * 1024
"""What libpq is given at once; a socket pair holds more than that."""
ASIDES: Final = frozenset(b"NSA")
"""NoticeResponse, ParameterStatus, NotificationResponse: what a server may say at any time."""
ZEROS: Final = memoryview(bytearray(CHUNK_BYTES))


class Line:
    """The straight way: libpq reads and writes its own socket."""

    aligned = False

    def __init__(self, pgconn: PGconn) -> None:
        self._pgconn = pgconn

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._pgconn.socket

    def flush(self) -> bool:
        """Send what libpq wants to say; return whether all of it is on its way."""
        return self._pgconn.flush() == 0

    def receive(self) -> None:
        """Let libpq have what the server has sent. Raises psycopg.Error where the server is gone."""
        self._pgconn.consume_input()

    def close(self) -> None:
        """Do nothing: it is libpq's."""


class Detour(Line):
    """Libpq's descriptor leads to us, and the wire is ours, until `close()`.

    The connection must be idle, or in a transaction between two statements.
    """

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self.aligned = False
        """Whether the answer to a COPY has come, and we know where the next message begins."""
        self._awaits_answer = True
        self._passing = 0
        """How many bytes of the current message libpq has yet to get."""
        self._buffer = bytearray(CHUNK_BYTES)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        """What nobody has taken yet of the buffer."""
        self._outgoing = memoryview(b"")
        self._wire = socket.socket(fileno=os.dup(pgconn.socket))
        self._wire.setblocking(False)
        self._near = self._divert(pgconn.socket)

    def _divert(self, descriptor: int) -> socket.socket:
        try:
            near, far = socket.socketpair()
        except OSError:
            self._wire.close()
            raise
        with far:
            near.setblocking(False)
            far.setblocking(False)
            os.dup2(far.fileno(), descriptor, inheritable=False)
        return near

    def close(self) -> None:
        """Give libpq its wire back: the COPY has ended, or libpq goes on with it, and gets what has come."""
        try:
            # A connection that is lost or closed has no descriptor any more; its number may be another's by now.
            if self._pgconn.status == ConnStatus.OK:
                self._feed(self._end)
                os.dup2(self._wire.fileno(), self._pgconn.socket, inheritable=False)
        finally:
            self._near.close()
            self._wire.close()

    def fileno(self) -> int:
        """Return the wire's descriptor."""
        return self._wire.fileno()

    def flush(self) -> bool:
        """Send what libpq wants to say; return whether all of it is on the wire."""
        while self.send():
            is_more = self._pgconn.flush() != 0
            try:
                self._outgoing = memoryview(self._near.recv(CHUNK_BYTES))
            except BlockingIOError:
                self._outgoing = memoryview(b"")
            if not self._outgoing and not is_more:
                return True
        return False

    def send(self) -> bool:
        """Go on sending; return whether all is on the wire."""
        while self._outgoing:
            try:
                self._outgoing = self._outgoing[self._wire.send(self._outgoing) :]
            except BlockingIOError:
                return False
            except (BrokenPipeError, ConnectionResetError):
                # What the server said before it went is still to be read, and then its end.
                self._outgoing = memoryview(b"")
        return True

    def receive(self) -> None:
        """Take what the server has sent, and let libpq have what is for it.

        Raises:
            psycopg.Error: the server is gone.
        """
        self._fill()
        if self._awaits_answer:
            self._read_answer()
        else:
            self._sort()

    def _fill(self) -> None:
        """Take from the wire what has come, if anything."""
        waiting = self._end - self._start
        self._buffer[:waiting] = self._buffer[self._start : self._end]
        self._start, self._end = 0, waiting
        if waiting == CHUNK_BYTES:
            return
        try:
            came = self._wire.recv_into(self._view[waiting:])
        except BlockingIOError:
            return
        except ConnectionResetError:
            came = 0
        self._end += came
        if not came:
            self._hang_up()

    def _hang_up(self) -> None:
        """Let libpq see the end of the stream behind all that came; what it makes of that is the error."""
        if self._pgconn.status == ConnStatus.OK:
            self._feed(self._end)
            self._near.shutdown(socket.SHUT_WR)
        self._pgconn.consume_input()

    def _read_answer(self) -> None:
        """Give libpq the answer to the COPY statement and what comes before it, and not a byte more."""
        self._pass_asides()
        if self._passing or self._end - self._start < HEADER_BYTES:
            return
        kind, length = read_header(self._buffer, self._start)
        if kind in (COPY_IN, COPY_OUT) and length < LONGEST_ANSWER:
            if self._end - self._start <= length:
                return
            self.aligned = self._ends_with_byte(self._start + length)
        self._awaits_answer = False
        if not self.aligned:
            self._sort()

    def _ends_with_byte(self, last: int) -> bool:
        """Give libpq all to this byte of the buffer; return whether it was the last byte that libpq waited for."""
        self._feed(last)
        waited = bool(self._pgconn.is_busy())
        self._feed(last + 1)
        return waited and not self._pgconn.is_busy()

    def _sort(self) -> None:
        """Give libpq what is for it: everything, where no rows come."""
        self._feed(self._end)

    def _pass_asides(self) -> None:
        """Give libpq what may come at any time, up to the next message of another kind."""
        while self._start < self._end:
            if not self._passing:
                if self._end - self._start < HEADER_BYTES:
                    return
                kind, length = read_header(self._buffer, self._start)
                if kind not in ASIDES:
                    return
                self._passing = length + 1
            self._pass_on()

    def _pass_on(self) -> None:
        """Give libpq what is here of its current message."""
        stop = min(self._end, self._start + self._passing)
        self._passing -= stop - self._start
        self._feed(stop)

    def _feed(self, stop: int) -> None:
        """Let libpq read the buffer up to this place, all of it."""
        poll = select.poll()
        poll.register(self._pgconn.socket, select.POLLIN)
        while self._start < stop:
            self._start += self._near.send(self._view[self._start : min(stop, self._start + FEED_BYTES)])
            while poll.poll(0):
                self._pgconn.consume_input()


class OutDetour(Detour):
    """The detour of a connection that copies out."""

    is_binary: bool | None = None
    """Libpq gets the answer, and knows the format."""
    _is_over = False
    _lacking = 0
    """How many bytes of the last row have not come yet."""

    def leave_to_libpq(self) -> None:
        """Do nothing: it gets the answer, and what has come of the rows when the detour is closed."""

    @property
    def is_over(self) -> bool:
        """Whether libpq has seen the end of the rows, or an error in their stead."""
        return self._is_over

    def rows(self) -> Iterator[tuple[int, memoryview, int]]:
        """Yield what has come of the rows: how many begin there, their messages, and how many bytes the last of them
        still lacks. Headers are never cut.

        A view is good until the next step. Nothing comes where nothing is to be read yet, or the COPY is over.

        Raises:
            psycopg.Error: the server is gone.
        """
        if self._end - self._start < HEADER_BYTES:
            self._fill()
        while self._start < self._end and not self.is_over:
            if self._passing:
                self._pass_on()
                self._see_whether_over()
                continue
            start, first = self._start, self._start + self._lacking
            stop, count = skip_rows(self._buffer, first, self._end)
            self._start = min(stop, self._end)
            self._lacking = stop - self._start
            if self._start > start:
                yield count, self._view[start : self._start], self._lacking
            elif self._end - start < HEADER_BYTES:
                return
            else:
                self._passing = read_header(self._buffer, start)[1] + 1
        if self.is_over:
            self._feed(self._end)

    def _see_whether_over(self) -> None:
        # Libpq reads a whole aside and stays in the COPY (0); at CopyDone or an error it leaves.
        if not self._passing:
            self._is_over = self._pgconn.get_copy_data(1)[0] < 0

    def _sort(self) -> None:
        if self.aligned and not self.is_over:
            for _ in self.rows():
                pass  # rows that nobody wants any more
        else:
            super()._sort()


class InDetour(Detour):
    """The detour of a connection that copies in."""

    is_refused = False
    """Whether the server has said something that is no aside: it takes no more rows."""
    _lacking = 0

    def put(self, rows: memoryview, lacking: int) -> bool:
        """Send rows as they came (see `OutDetour.rows`); return whether all are on the wire, or else `send` goes on."""
        self._outgoing, self._lacking = rows, lacking
        return self.send()

    def put_rest(self) -> bool:
        """Send zeros for what the last row lacks, or a part of them: what we say after half a message would be taken
        for its other half. Something is stored in place of the row, unless the COPY fails."""
        size = min(self._lacking, CHUNK_BYTES)
        return self.put(ZEROS[:size], self._lacking - size)

    @property
    def lacks_rest(self) -> bool:
        """Whether the last row was sent in part."""
        return self._lacking > 0

    def _sort(self) -> None:
        if self.aligned and not self.is_refused:
            self._pass_asides()
            self.is_refused = not self._passing and self._end - self._start >= HEADER_BYTES
        if self.is_refused or not self.aligned:
            super()._sort()
