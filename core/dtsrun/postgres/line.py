"""How a line to a server performs: round trips and bytes a second, in the direction that a copy will have.

From the source rows are received, to the target they are sent. The data are made up for it, and touch no table: the
source repeats a text of random digits, the target counts bytes that it throws away.
"""

from __future__ import annotations

import os
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import psycopg

from dtsrun.api.contexts import Connection
from dtsrun.api.routes import ProbeResult, Route, Side
from dtsrun.postgres.session import connect

ROUND_TRIPS: Final = 11
LONG_ENOUGH_SECONDS: Final = 0.8
"""Of the last transfer: what TCP needs to open its window weighs little then."""
PATIENCE_SECONDS: Final = 20.0
"""After this a line that carries nothing more is given up."""

BLOCK: Final = 32 * 1024
FIRST: Final = 2 * BLOCK
LARGEST: Final = 8192 * BLOCK
"""256 MB: less than a second over any line that is not within one machine."""
MESSAGE: Final = 128 * BLOCK
"""4 MB, sent at once: what the server holds in memory."""
GROWTH: Final = 16
"""At most, from one transfer to the next."""

_STALL_HINT: Final = (
    "the login works and larger amounts do not get through: packets may be too large for a tunnel on the way"
    " (lower the MTU, or let path MTU discovery through), or a firewall inspects them"
)
_BLOCKS: Final = b"""\
copy (select block.digits
        from (select pg_catalog.string_agg(pg_catalog.md5(pg_catalog.random()::text), '') as digits
                from pg_catalog.generate_series(1, 1024)) block,
             pg_catalog.generate_series(1, %s))
  to stdout"""
"""Rows of 32 kB; random, since some tunnels compress."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """Bytes that went over a line, and how long they took."""

    bytes: int
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.bytes / self.seconds


def measure_line(side: Side, route: Route, *, patience: float = PATIENCE_SECONDS) -> ProbeResult:
    """Return how the line of an open route performs, as the step `line` of the connectivity test; never raises for
    what it finds."""
    begun = time.monotonic()
    try:
        with connect(route, purpose="line") as connection, _bounded(connection, patience) as ran_out:
            trip = _round_trip(connection)
            transfer = _measured(_receive(connection) if side == "source" else _send(connection), trip)
    except psycopg.Error as error:
        passed = time.monotonic() - begun
        stalled = passed >= patience and ran_out.is_set()
        return ProbeResult(
            side=side,
            step="line",
            status="failed",
            seconds=round(passed, 4),
            message=f"nothing more arrives within {patience:g} s" if stalled else " ".join(str(error).split()),
            cause="timeout" if stalled else "other",
            hint=_STALL_HINT if stalled else None,
        )
    return ProbeResult(
        side=side,
        step="line",
        status="ok",
        seconds=round(time.monotonic() - begun, 4),
        message=f"median of {ROUND_TRIPS} round trips; {transfer.bytes} bytes"
        f" {'received' if side == 'source' else 'sent'} in {transfer.seconds:.3f} s",
        figures={"round_trip_seconds": round(trip, 6), "bytes_per_second": round(transfer.rate)},
    )


def _round_trip(connection: Connection) -> float:
    """Return the median time of a query that asks for nothing, in seconds."""
    return statistics.median([_timed(lambda: connection.execute("select 1")) for _ in range(ROUND_TRIPS)])


def _measured(transfer: Callable[[int], float], trip: float) -> Transfer:
    """Transfer ever more until it takes long enough to count; the last one counts.

    Args:
        transfer: moves that many bytes and returns the seconds, less its round trips.
        trip: a round trip in seconds; no transfer is taken to be quicker than a tenth of it.
    """
    size = FIRST
    while True:
        seconds = max(transfer(size), trip / 10, 1e-6)
        if seconds >= LONG_ENOUGH_SECONDS / 2 or size >= LARGEST:
            return Transfer(bytes=size, seconds=seconds)
        wished = int(size * LONG_ENOUGH_SECONDS / seconds)
        size = min(max(wished, 2 * size), size * GROWTH, LARGEST) // BLOCK * BLOCK


def _receive(connection: Connection) -> Callable[[int], float]:
    def receive(size: int) -> float:
        begun = time.monotonic()
        first = begun
        with connection.cursor() as cursor, cursor.copy(_BLOCKS, [size // BLOCK]) as copy:
            for count, _ in enumerate(copy):
                # The first row comes after the server has made up its text, and after half a round trip.
                first = time.monotonic() if count == 0 else first
        return (time.monotonic() - first) * size / max(size - BLOCK, 1)

    return receive


def _send(connection: Connection) -> Callable[[int], float]:
    message = os.urandom(BLOCK) * (MESSAGE // BLOCK)
    trip = _round_trip(connection)

    def send(size: int) -> float:
        seconds = 0.0
        for begin in range(0, size, MESSAGE):
            part = message[: min(MESSAGE, size - begin)]
            seconds += _timed(lambda part=part: connection.execute("select pg_catalog.octet_length(%b)", [part])) - trip  # type: ignore[misc]
        return seconds

    return send


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


@contextmanager
def _bounded(connection: Connection, seconds: float) -> Iterator[threading.Event]:
    """Break the connection when the time is over: a read from a line that swallows packets ends by nothing else."""
    over = threading.Event()
    line = socket.socket(fileno=os.dup(connection.fileno()))

    def end() -> None:
        over.set()
        line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()
        timer.join()
        line.close()
