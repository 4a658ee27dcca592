"""One login, and exactly one, with the SQLSTATE of its refusal.

`psycopg.connect` tries every address of a name, and libpq under `sslmode=prefer` tries again without TLS: with a wrong
password each try counts, and servers lock accounts out. It also drops the SQLSTATE of a refusal, whose text comes in
the server's language. The connectivity test therefore drives libpq itself.
"""

from __future__ import annotations

import os
import re
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg
from psycopg import pq

SSL_REQUEST: Final = struct.pack("!ii", 8, 80877103)
"""The manual, 54.7 "Message Formats", SSLRequest."""

_FIRST_LIBPQ_WITH_TRACE = 140000
_TRACED_ERROR = re.compile(rb'ErrorResponse\t.* C "([0-9A-Z]{5})"')
_PREFIX = re.compile(r'^connection to server (?:at "[^"]*"(?: \([^)]*\))?, port \d+|on socket "[^"]*") failed: ')


@dataclass(frozen=True, kw_only=True, slots=True)
class LoginResult:
    """What came of one login."""

    ok: bool
    message: str
    """The server's or libpq's words; for a success `PostgreSQL 16.14 as migrator`."""
    sqlstate: str | None = None
    """Of the server's refusal, where libpq shows it."""
    timed_out: bool = False
    encrypted: bool = False


def login(conninfo: str, *, seconds: float) -> LoginResult:
    """Log in once and leave. The conninfo must name one address and a TLS mode that libpq does not fall back from."""
    with _traced(conninfo) as (connection, trace):
        finished = _drive(connection, time.monotonic() + seconds)
        encrypted = bool(connection.ssl_in_use)
        if not finished:
            return LoginResult(ok=False, message=f"no answer within {seconds:g} s", timed_out=True)
        if connection.status == pq.ConnStatus.OK:
            return LoginResult(ok=True, message=_greeting(connection), encrypted=encrypted)
        if trace is not None:
            # Only this flushes what libpq wrote.
            connection.untrace()
        said = connection.get_error_message().strip()
        return LoginResult(
            ok=False,
            message=_PREFIX.sub("", said).removeprefix("FATAL:").lstrip(),
            sqlstate=_refusal(trace),
            encrypted=encrypted,
        )


def offers_tls(address: tuple[str, int], *, seconds: float) -> bool | None:
    """Ask a server whether it speaks TLS, as libpq does; None where the answer is no answer of PostgreSQL."""
    try:
        with socket.create_connection(address, timeout=seconds) as asked:
            asked.sendall(SSL_REQUEST)
            return {b"S": True, b"N": False}.get(asked.recv(1))
    except OSError:
        return None


@contextmanager
def _traced(conninfo: str) -> Iterator[tuple[pq.abc.PGconn, int | None]]:
    """Begin to connect, with libpq's trace where this platform has it.

    The trace holds what was sent, passwords too: it is written to memory, never to a disk.
    """
    trace = os.memfd_create("trace") if _can_trace() else None
    connection = pq.PGconn.connect_start(conninfo.encode())
    try:
        if trace is not None and connection.status != pq.ConnStatus.BAD:
            connection.trace(trace)
        yield connection, trace
    finally:
        connection.finish()
        if trace is not None:
            os.close(trace)


def _can_trace() -> bool:
    return hasattr(os, "memfd_create") and psycopg.pq.version() >= _FIRST_LIBPQ_WITH_TRACE


def _drive(connection: pq.abc.PGconn, until: float) -> bool:
    """Poll until the login has ended, well or not; False when the time is up."""
    if connection.status == pq.ConnStatus.BAD:
        return True
    status = pq.PollingStatus.WRITING
    while status in (pq.PollingStatus.READING, pq.PollingStatus.WRITING):
        wanted = select.POLLIN if status == pq.PollingStatus.READING else select.POLLOUT
        waiting = select.poll()
        waiting.register(connection.socket, wanted)
        if not waiting.poll(max(0.0, until - time.monotonic()) * 1000):
            return False
        status = pq.PollingStatus(connection.connect_poll())
    return True


def _greeting(connection: pq.abc.PGconn) -> str:
    version = (connection.parameter_status(b"server_version") or b"?").decode()
    return f"PostgreSQL {version.split()[0]} as {connection.user.decode()}"


def _refusal(trace: int | None) -> str | None:
    if trace is None:
        return None
    found = _TRACED_ERROR.search(os.pread(trace, os.fstat(trace).st_size, 0))
    return found[1].decode() if found else None
