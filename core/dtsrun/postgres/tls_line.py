"""The line of a connection that is encrypted: rows pass beside libpq, in the TLS session that libpq has made.

What a detour does with the socket (see `dtsrun.postgres.detour`) cannot be done here, since only libpq's own session
can read the stream. But what stands in the session can be looked at before it is taken. So rows are taken, and of
everything else nothing: libpq finds the end of a COPY, or an error, where it would have found them anyway.

* A source's answer (CopyOutResponse) comes together with its first rows, and libpq would read them all. We take the
  answer ourselves: libpq waits for the result of a statement, and gets it when the rows are over.
* What a server may say at any time (a notice, a changed parameter) goes to libpq where it stands alone, as it does when
  the server sends it at once. Where rows stand behind it, or a part of it is missing, it is read over: libpq would take
  the rows too.
* A target's rows are written to the session while libpq has nothing to send; libpq begins and ends the COPY.

That libpq's own buffer is empty is proved for a target as for a detour. For a source it is taken from the answer, which
is one to the byte; in any other case everything is left to libpq, and `aligned` stays False.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from psycopg.pq.abc import PGconn

from dtsrun.postgres.detour import ASIDES, CHUNK_BYTES, ZEROS, Line
from dtsrun.postgres.frames import COPY_DATA, COPY_IN, COPY_OUT, HEADER_BYTES, read_header, skip_rows
from dtsrun.postgres.tls_session import TlsSession

MOST_PIECES: Final = 64
"""Of rows that nobody wants and that are read before somebody looks whether the server was told to stop."""

FORMAT_BYTES: Final = 3
"""An answer names the format of the whole and the number of columns before the format of each."""
PART: Final = 0
RECORD_BYTES: Final = 16 * 1024
"""The longest record of TLS."""


class TlsLine(Line):
    """Libpq's line, of which we take what is not for libpq."""

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self.aligned = False
        """Whether the answer to a COPY has come, and we know where the next message begins."""
        self._session = TlsSession(pgconn)
        self._scratch = memoryview(bytearray(RECORD_BYTES))
        self._aside = bytearray()
        """What has come of the header of a message that libpq does not get."""
        self._passing = 0
        """How many bytes of it have yet to come."""

    def _next(self) -> int | None:
        """Return the type of the message that comes next and is no aside; None if none has come. It is left there, and
        with it, if it is not to be ours, what asides stand before it.

        Raises:
            ConnectionError: the server is gone.
        """
        while True:
            if not self._passing:
                came = self._session.peek(self._scratch)
                if not came:
                    return None
                if self._scratch[0] not in ASIDES:
                    return self._scratch[0]
                kinds = self._kinds(came)
                if kinds <= ASIDES:
                    super().receive()
                    self._pgconn.is_busy()  # lets libpq hand over notices
                    continue
                if not kinds & {PART, COPY_DATA, COPY_OUT}:
                    return max(kinds - ASIDES)
                self._passing = HEADER_BYTES
            if not self._pass_over():
                return None

    def _kinds(self, end: int) -> set[int]:
        """Return the types of the messages that were looked at; PART among them stands for a part of one."""
        kinds, at = set(), 0
        while at + HEADER_BYTES <= end:
            kind, length = read_header(self._scratch, at)
            kinds.add(kind)
            at += length + 1
        return kinds if at == end else kinds | {PART}

    def _pass_over(self) -> bool:
        """Take what has come of an aside; return whether that was all of it."""
        while self._passing:
            came = self._session.read(self._scratch[: self._passing])
            if not came:
                return False
            self._passing -= came
            if len(self._aside) < HEADER_BYTES:
                self._aside += self._scratch[:came]
                if len(self._aside) == HEADER_BYTES:
                    self._passing = read_header(self._aside, 0)[1] + 1 - HEADER_BYTES
        self._aside.clear()
        return True


class TlsOut(TlsLine):
    """The line of a connection that copies out."""

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self.is_over = False
        """Whether libpq has what comes behind the rows, or in their stead."""
        self.is_binary: bool | None = None
        """What the answer says of the format; None before it has come, or where libpq got it."""
        self._answer = bytearray()
        self._buffer = bytearray(CHUNK_BYTES)
        self._view = memoryview(self._buffer)
        self._kept = b""
        """The beginning of a row's header, of which the rest has not come yet."""
        self._lacking = 0
        """How many bytes of the last row have not come yet."""

    def receive(self) -> None:
        """Take what the server has sent; rows that come now are wanted by nobody.

        Raises:
            psycopg.Error: the server is gone.
        """
        if self.is_over:
            super().receive()
        elif self.aligned:
            for _ in islice(self.rows(), MOST_PIECES):
                pass
        else:
            try:
                self._read_answer()
            except ConnectionError:
                self.leave_to_libpq()

    def rows(self) -> Iterator[tuple[int, memoryview, int]]:
        """Yield what has come of the rows, see `dtsrun.postgres.detour.OutDetour.rows`.

        Raises:
            psycopg.Error: the server is gone.
        """
        is_more = True
        while is_more and not self.is_over:
            end, count, boundary, is_more = self._take_rows()
            whole = min(boundary, end)
            # Kept before the rows are handed over: whoever takes them may never come back for more.
            self._kept, self._lacking = bytes(self._view[whole:end]), boundary - whole
            if whole:
                yield count, self._view[:whole], self._lacking

    def _take_rows(self) -> tuple[int, int, int, bool]:
        """Fill the buffer with rows; return where they end in it, how many begin, where the next header stands or will,
        and whether more can be there already."""
        end, count = len(self._kept), 0
        self._view[:end] = self._kept
        boundary = 0 if end else self._lacking
        try:
            if self._passing and not self._passes_other():
                return end, count, boundary, False
            while end < CHUNK_BYTES:
                if boundary - end > RECORD_BYTES:  # all of it is the row's
                    came = self._session.read(self._view[end : min(boundary, CHUNK_BYTES)])
                    if not came:
                        return end, count, boundary, False
                    end += came
                    continue
                came = self._session.peek(self._view[end:])
                if not came:
                    return end, count, boundary, False
                boundary, begun = skip_rows(self._buffer, boundary, end + came)
                count += begun
                if boundary < end + came and self._buffer[boundary] != COPY_DATA:
                    end = self._take(end, boundary - end)
                    return end, count, boundary, self._passes_other()
                end = self._take(end, came)
        except ConnectionError:
            self.leave_to_libpq()
        return end, count, boundary, True

    def _take(self, start: int, size: int) -> int:
        """Take what was looked at; return where it ends in the buffer."""
        return start + (self._session.read(self._view[start : start + size]) if size else 0)

    def _passes_other(self) -> bool:
        """Read over asides, and leave to libpq what is none; return whether a row comes next."""
        kind = self._next()
        if kind not in (None, COPY_DATA):
            self.leave_to_libpq()
        return kind == COPY_DATA

    def leave_to_libpq(self) -> None:
        """Take nothing any more.

        Raises:
            psycopg.Error: the server is gone.
        """
        self.is_over = True
        # What OpenSSL holds already does not make the socket readable.
        super().receive()

    def _read_answer(self) -> None:
        """Take the answer to the COPY statement; leave to libpq what is none."""
        if not self._answer:
            kind = self._next()
            if kind is None:
                return
            if kind != COPY_OUT or not self._begins_answer():
                self.leave_to_libpq()
                return
        size = HEADER_BYTES if len(self._answer) < HEADER_BYTES else read_header(self._answer, 0)[1] + 1
        while len(self._answer) < size:
            came = self._session.read(self._scratch[: size - len(self._answer)])
            if not came:
                return
            self._answer += self._scratch[:came]
            size = read_header(self._answer, 0)[1] + 1 if len(self._answer) >= HEADER_BYTES else size
        self.is_binary = bool(self._answer[HEADER_BYTES])
        self.aligned = True

    def _begins_answer(self) -> bool:
        """Return whether an answer to the byte stands next: as long as its columns say."""
        came = self._session.peek(self._scratch[: HEADER_BYTES + FORMAT_BYTES])
        columns = int.from_bytes(self._scratch[HEADER_BYTES + 1 : HEADER_BYTES + FORMAT_BYTES], "big")
        length = read_header(self._scratch, 0)[1]
        return came == HEADER_BYTES + FORMAT_BYTES and length == HEADER_BYTES - 1 + FORMAT_BYTES + 2 * columns


class TlsIn(TlsLine):
    """The line of a connection that copies in."""

    def __init__(self, pgconn: PGconn) -> None:
        super().__init__(pgconn)
        self.is_refused = False
        """Whether the server has said something that is no aside: it takes no more rows."""
        self._outgoing = memoryview(b"")
        self._lacking = 0

    def receive(self) -> None:
        """Read over asides, and let libpq have everything else. Raises psycopg.Error where the server is gone."""
        if not self.aligned:
            self._read_answer()
            return
        if not self.is_refused:
            try:
                self.is_refused = self._next() is not None
            except ConnectionError:
                self.is_refused = True
        if self.is_refused:
            super().receive()

    def put(self, rows: memoryview, lacking: int) -> bool:
        """Send rows, see `dtsrun.postgres.detour.InDetour.put`."""
        self._outgoing, self._lacking = rows, lacking
        return self.send()

    def send(self) -> bool:
        """Go on sending; return whether all is in the session."""
        while self._outgoing:
            try:
                sent = self._session.write(self._outgoing)
            except ConnectionError:
                # What the server said before it went is still to be read, and then its end.
                self._outgoing = memoryview(b"")
                break
            if not sent:
                return False
            self._outgoing = self._outgoing[sent:]
        return True

    def put_rest(self) -> bool:
        """Send zeros for what the last row lacks, see `dtsrun.postgres.detour.InDetour.put_rest`."""
        size = min(self._lacking, CHUNK_BYTES)
        return self.put(ZEROS[:size], self._lacking - size)

    @property
    def lacks_rest(self) -> bool:
        """Whether the last row was sent in part."""
        return self._lacking > 0

    def _read_answer(self) -> None:
        """Let libpq have the answer to the COPY statement: nothing is left in its buffer if it waited for all that is
        there to be looked at, waits no more, and that ends with the answer."""
        try:
            came = self._session.peek(self._scratch)
        except ConnectionError:
            came = 0
        kinds = self._kinds(came)
        waited = bool(self._pgconn.is_busy())
        super().receive()
        is_all = COPY_IN in kinds and kinds <= ASIDES | {COPY_IN}
        self.aligned = is_all and waited and not self._pgconn.is_busy()
