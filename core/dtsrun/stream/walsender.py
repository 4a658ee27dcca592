"""The source's side: a replication connection that sends what a slot holds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from struct import Struct
from types import TracebackType
from typing import Final, NamedTuple, Self

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from dtsrun.api import Route
from dtsrun.postgres.lsn import format_lsn
from dtsrun.postgres.session import CONNECT_TIMEOUT_SECONDS, FIRST_SETTINGS, SETTINGS
from dtsrun.stream.pgoutput import PROTOCOL_VERSION, ProtocolError

TEXT_SETTINGS: Final = (
    "datestyle",
    "intervalstyle",
    "timezone",
    "extra_float_digits",
    "bytea_output",
    "lc_monetary",
    "quote_all_identifiers",
)
"""What decides how a value is written; a walsender takes settings with the login alone."""

_UNIX_TO_2000: Final = 946_684_800
_WAL: Final = Struct("!cQQq")
_KEEPALIVE: Final = Struct("!cQqB")
_STATUS: Final = Struct("!cQQQqB")


class Wal(NamedTuple):
    """A message of pgoutput, which begins at `start` of the bytes."""

    data: bytes
    start: int
    lsn: int


class Keepalive(NamedTuple):
    """All that commits before this position has been sent."""

    lsn: int
    wants_answer: bool


class Walsender:
    """A replication connection in COPY BOTH; never blocks but for the login."""

    def __init__(self, route: Route, database: str, name: str) -> None:
        self._connection = psycopg.connect(
            route.conninfo(database),
            autocommit=True,
            replication="database",
            application_name=f"dtsrun stream {name}"[:63],
            options=_options(route),
            connect_timeout=int(route.parameters.get("connect_timeout", CONNECT_TIMEOUT_SECONDS)),
            client_encoding="UTF8",
            # A line that was cut without a word is noticed.
            tcp_user_timeout="60000",
            keepalives_idle="30",
            keepalives_interval="10",
            keepalives_count="6",
        )
        self._pgconn = self._connection.pgconn
        self.is_unencoded = self._pgconn.parameter_status(b"server_encoding") == b"SQL_ASCII"
        """Whether values are bytes of no known encoding, which must come and go as they are."""
        if self.is_unencoded:
            self._run(b"SET client_encoding TO 'SQL_ASCII'", pq.ExecStatus.COMMAND_OK)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    @property
    def socket(self) -> int:
        """For polling."""
        return self._pgconn.socket

    def system(self) -> str:
        """Return the system identifier of the server. Raises psycopg.Error."""
        return (self._run(b"IDENTIFY_SYSTEM", pq.ExecStatus.TUPLES_OK).get_value(0, 0) or b"").decode()

    def start(self, slot: str, publications: Sequence[str], position: int) -> None:
        """Let the server send what commits from a position on. Raises psycopg.Error."""
        self._run(_start(slot, publications, position), pq.ExecStatus.COPY_BOTH)
        self._pgconn.nonblocking = 1

    def read(self) -> Wal | Keepalive | None:
        """Return the next message, None where nothing has come.

        Raises:
            psycopg.Error: the server ended the stream, or the connection broke.
        """
        for _ in range(3):
            size, data = self._pgconn.get_copy_data(1)
            if size > 0:
                return _unwrap(bytes(data))
            if size < 0:
                raise self._ending()
            # Twice: with TLS one reading may leave a part of a record behind, which no poll tells of.
            self._pgconn.consume_input()
        return None

    def confirm(self, *, received: int, durable: int, ask: bool = False) -> None:
        """Tell what has arrived and what the target has safely; the source may forget the latter.

        Args:
            ask: for a sign of life.
        """
        now = int((time.time() - _UNIX_TO_2000) * 1_000_000)
        self._pgconn.put_copy_data(_STATUS.pack(b"r", received, durable, durable, now, ask))
        self._pgconn.flush()

    def _run(self, command: bytes, expected: pq.ExecStatus) -> pq.abc.PGresult:
        result = self._pgconn.exec_(command)
        if result.status != expected:
            raise error_from_result(result, "utf-8")
        return result

    def _ending(self) -> psycopg.Error:
        result = self._pgconn.get_result()
        if result is not None and result.status == pq.ExecStatus.FATAL_ERROR:
            return error_from_result(result, "utf-8")
        return psycopg.OperationalError("the source ended the stream")


def _options(route: Route) -> str:
    settings = " ".join(f"-c {name}={_escaped(SETTINGS[name])}" for name in TEXT_SETTINGS)
    return f"{route.parameters.get('options', '')} {FIRST_SETTINGS} {settings}".strip()


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")


def _start(slot: str, publications: Sequence[str], position: int) -> bytes:
    """Return the command. The names are ours: lower case letters, digits and `_`."""
    names = ",".join(f'"{name}"' for name in publications)
    return (
        f"START_REPLICATION SLOT {slot} LOGICAL {format_lsn(position)}"
        f" (proto_version '{PROTOCOL_VERSION}', publication_names '{names}')"
    ).encode()


def _unwrap(data: bytes) -> Wal | Keepalive:
    if data[:1] == b"w" and len(data) > _WAL.size:
        _, lsn, end, _ = _WAL.unpack_from(data)
        return Wal(data, _WAL.size, max(lsn, end))
    if data[:1] == b"k" and len(data) == _KEEPALIVE.size:
        _, lsn, _, wants_answer = _KEEPALIVE.unpack(data)
        return Keepalive(lsn, bool(wants_answer))
    raise ProtocolError(f"the source sent {data[:1]!r} with {len(data)} bytes, which is no message of a walsender")
