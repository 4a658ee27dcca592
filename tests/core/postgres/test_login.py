"""One login is one login, and its refusal has a SQLSTATE."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dtsrun.api import Route
from dtsrun.postgres import login as module
from dtsrun.postgres.login import login, offers_tls


def changed(route: Route, **parameters: str) -> str:
    return replace(route, parameters={**route.parameters, **parameters}).conninfo()


@contextmanager
def answering(reply: bytes) -> Iterator[tuple[str, int]]:
    """A server that reads a little, says something and hangs up."""
    with socket.create_server(("127.0.0.9", 0)) as listening:

        def serve() -> None:
            caller, _ = listening.accept()
            with caller:
                caller.recv(64)
                caller.sendall(reply)

        server = threading.Thread(target=serve)
        server.start()
        yield listening.getsockname()
        server.join()


def test_a_success_says_who_and_where(target_route: Route) -> None:
    result = login(target_route.conninfo(), seconds=10)
    assert result.ok
    assert result.message.startswith("PostgreSQL 18.")
    assert result.message.endswith(" as postgres")
    assert not result.encrypted


@pytest.mark.parametrize(
    ("parameters", "database", "sqlstate"),
    [({"password": "wrong"}, None, "28P01"), ({"user": "nobody_here"}, None, "28P01"), ({}, "no_such", "3D000")],
)
def test_a_refusal_has_its_sqlstate(
    source_route: Route, parameters: dict[str, str], database: str | None, sqlstate: str
) -> None:
    route = replace(source_route, parameters={**source_route.parameters, **parameters})
    result = login(route.conninfo(database), seconds=10)
    assert not result.ok
    assert result.sqlstate == sqlstate


def test_a_refusal_is_told_in_the_servers_words_alone(source_route: Route) -> None:
    result = login(source_route.conninfo("no_such"), seconds=10)
    assert result.message == 'database "no_such" does not exist'


def test_without_a_trace_the_words_remain(source_route: Route, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_can_trace", lambda: False)
    result = login(changed(source_route, password="wrong"), seconds=10)
    assert result.sqlstate is None
    assert result.message == 'password authentication failed for user "postgres"'


def test_a_silent_server_costs_no_more_than_its_time() -> None:
    with socket.create_server(("127.0.0.9", 0)) as listening:
        host, port = listening.getsockname()
        result = login(f"hostaddr={host} port={port} user=x sslmode=disable", seconds=0.3)
    assert result.timed_out
    assert result.message == "no answer within 0.3 s"


def test_a_wrong_conninfo_is_told() -> None:
    result = login("hostaddr=300.0.0.1 port=1 sslmode=disable", seconds=1)
    assert not result.ok
    assert "300.0.0.1" in result.message


def test_a_wrong_password_is_tried_once(source_route: Route) -> None:
    route = source_route
    seen: list[bytes] = []
    with _recording(route, seen) as port:
        login(changed(route, host="127.0.0.1", port=str(port), password="wrong", sslmode="disable"), seconds=10)
    assert len(seen) == 1


@contextmanager
def _recording(route: Route, seen: list[bytes]) -> Iterator[int]:
    """A relay to the server that counts who comes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.5)
        relays: list[threading.Thread] = []

        def serve() -> None:
            while True:
                try:
                    caller, _ = listening.accept()
                except TimeoutError:
                    return
                server = socket.create_connection((route.parameters["host"], int(route.parameters["port"])))
                seen.append(b"")
                for one, other in ((caller, server), (server, caller)):
                    relays.append(threading.Thread(target=_relay, args=(one, other)))
                    relays[-1].start()

        accepting = threading.Thread(target=serve)
        accepting.start()
        yield listening.getsockname()[1]
        accepting.join()
        for relay in relays:
            relay.join()


def _relay(one: socket.socket, other: socket.socket) -> None:
    with one:
        try:
            while data := one.recv(4096):
                other.sendall(data)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            return


def test_a_server_without_tls_says_so(source_route: Route) -> None:
    assert offers_tls((source_route.parameters["host"], int(source_route.parameters["port"])), seconds=5) is False


@pytest.mark.parametrize(("reply", "offered"), [(b"S", True), (b"N", False), (b"HTTP/1.1 400\r\n", None), (b"", None)])
def test_what_answers_is_understood(reply: bytes, offered: bool | None) -> None:
    with answering(reply) as address:
        assert offers_tls(address, seconds=5) is offered
