"""Lines are measured: over a relay that is slow, far away, or swallows what is large."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest

from dtsrun.api import ProbeResult, Route
from dtsrun.postgres.line import BLOCK, measure_line

PIECE = 16 * 1024


@contextmanager
def relayed(route: Route, treat: Callable[[bytes, int], bool]) -> Iterator[Route]:
    """Give a route to the same server through a relay; `treat` is told each piece and how much passed before, may
    take its time, and says whether the piece passes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)
        over = threading.Event()
        accepting = threading.Thread(target=_accept, args=(listening, route, treat, over))
        accepting.start()
        parameters = {**route.parameters, "host": "127.0.0.1", "port": str(listening.getsockname()[1])}
        try:
            yield replace(route, parameters=parameters)
        finally:
            over.set()
            accepting.join()


def _accept(listening: socket.socket, route: Route, treat: Callable[[bytes, int], bool], over: threading.Event) -> None:
    pumps = []
    while not over.is_set():
        try:
            near, _ = listening.accept()
        except TimeoutError:
            continue
        far = socket.create_connection(("127.0.0.1", int(route.parameters["port"])))
        for here, there in ((near, far), (far, near)):
            pumps.append(threading.Thread(target=_pump, args=(here, there, treat, over)))
            pumps[-1].start()
    for pump in pumps:
        pump.join()


def _pump(
    here: socket.socket, there: socket.socket, treat: Callable[[bytes, int], bool], over: threading.Event
) -> None:
    passed = 0
    here.settimeout(0.05)
    while not over.is_set():
        try:
            piece = here.recv(PIECE)
        except TimeoutError:
            continue
        except OSError:
            break
        if not piece:
            break
        if treat(piece, passed):
            try:
                there.sendall(piece)
            except OSError:
                break
        passed += len(piece)
    for end in (here, there):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        if end is here:
            end.close()


def measure(side: str, route: Route, patience: float = 20.0) -> ProbeResult:
    return measure_line(side, route, patience=patience)  # type: ignore[arg-type]


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_line_has_a_round_trip_and_a_rate(side: str, source_route: Route) -> None:
    result = measure(side, source_route)
    assert (result.step, result.status) == ("line", "ok")
    assert 0 < result.figures["round_trip_seconds"] < 0.2
    assert result.figures["bytes_per_second"] > 1_000_000
    assert result.seconds < 15


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_slow_line_is_slow(side: str, source_route: Route) -> None:
    rate = 2_000_000

    def slowly(piece: bytes, passed: int) -> bool:
        time.sleep(len(piece) / rate)
        return True

    with relayed(source_route, slowly) as route:
        result = measure(side, route)
    assert result.status == "ok", result.message
    assert rate / 3 < result.figures["bytes_per_second"] < rate * 1.3


def test_the_distance_counts_for_the_round_trip_alone(source_route: Route) -> None:
    def later(piece: bytes, passed: int) -> bool:
        # A full piece is one of many of a transfer: on a long line they follow each other closely.
        time.sleep(0 if len(piece) == PIECE else 0.03)
        return True

    with relayed(source_route, later) as route:
        result = measure("target", route)
    assert 0.06 <= result.figures["round_trip_seconds"] < 0.2
    assert result.figures["bytes_per_second"] > 1_000_000


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_line_that_swallows_what_is_large_fails_in_time(side: str, source_route: Route) -> None:
    def swallow(piece: bytes, passed: int) -> bool:
        return passed + len(piece) < 2 * BLOCK

    with relayed(source_route, swallow) as route:
        begun = time.monotonic()
        result = measure(side, route, patience=2.0)
    assert time.monotonic() - begun < 10
    assert (result.status, result.cause) == ("failed", "timeout")
    assert result.message == "nothing more arrives within 2 s"
    assert "MTU" in (result.hint or "")


def test_a_login_that_fails_is_told(source_route: Route) -> None:
    parameters = {**source_route.parameters, "password": "wrong"}
    result = measure("source", replace(source_route, parameters=parameters))
    assert (result.status, result.cause) == ("failed", "other")
    assert "password authentication failed" in result.message
