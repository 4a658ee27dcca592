"""The connectivity test names the cause, of all causes that a network and a server have."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dtsrun.api import AccessType, Endpoint, ProbeResult, Route
from dtsrun.errors import AccessError
from dtsrun.postgres import login as login_module
from dtsrun.postgres import probe
from dtsrun.postgres.login import LoginResult
from dtsrun.postgres.probe import probe_access, probe_route
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeAccessContext, make_endpoint
from dtsrun.testing.servers import socket_folder


def steps(route: Route, **parameters: str | None) -> list[ProbeResult]:
    """Probe a route with some parameters changed, or left out where None."""
    together = {**route.parameters, **parameters}
    kept = {name: value for name, value in together.items() if value is not None}
    return list(probe_route("source", replace(route, parameters=kept)))


def at(address: tuple[str, int], **parameters: str) -> Route:
    named = {"host": address[0], "port": str(address[1]), "user": "x", "connect_timeout": "1", **parameters}
    return Route(parameters=named, description="test")


def outcome(results: list[ProbeResult]) -> list[tuple[str, str, str | None]]:
    return [(result.step, result.status, result.cause) for result in results]


NOT_REACHED = ("login", "skipped", None)
REACHED = ("tcp", "ok", None)


def test_a_good_route_passes(source_route: Route) -> None:
    results = steps(source_route)
    assert outcome(results) == [REACHED, ("login", "ok", None)]
    assert results[1].message.startswith("PostgreSQL 16.")


def test_a_name_that_nobody_knows(source_route: Route) -> None:
    results = steps(source_route, host="no-such-host.invalid")
    assert outcome(results) == [("tcp", "failed", "dns"), NOT_REACHED]
    assert "no-such-host.invalid" in results[0].message


def test_a_port_where_nobody_listens(source_route: Route) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.7", 0))
        host, port = closed.getsockname()
        results = steps(source_route, host=host, port=str(port))
    assert outcome(results) == [("tcp", "failed", "refused"), NOT_REACHED]
    assert "listen_addresses" in (results[0].hint or "")


def test_an_address_that_swallows_packets() -> None:
    with full_queue() as address:
        results = list(probe_route("target", at(address)))
    assert outcome(results) == [("tcp", "failed", "timeout"), NOT_REACHED]
    assert "firewall" in (results[0].hint or "")
    assert 0.9 < results[0].seconds < 3


def test_a_network_without_a_route() -> None:
    # Class E addresses go nowhere; what stands in the way differs, never is it the name, the port or the login.
    result = next(iter(probe_route("source", at(("255.255.255.255", 5432)))))
    assert (result.status, result.cause) == ("failed", "unreachable")


def test_a_server_that_accepts_and_never_answers() -> None:
    with socket.create_server(("127.0.0.8", 0)) as silent:
        results = list(probe_route("source", at(silent.getsockname(), sslmode="disable")))
    assert outcome(results) == [REACHED, ("login", "failed", "timeout")]
    assert "does not answer" in (results[1].hint or "")


def test_a_port_of_something_else() -> None:
    with socket.create_server(("127.0.0.8", 0)) as listening:
        results = _served(listening, b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert outcome(results) == [REACHED, ("login", "failed", "other")]
    assert results[1].hint == "something other than PostgreSQL answers at this port"


def test_a_server_without_tls_where_tls_is_asked_for(source_route: Route) -> None:
    for mode in ("require", "verify-full"):
        results = steps(source_route, sslmode=mode, sslrootcert="system" if mode == "verify-full" else None)
        assert outcome(results) == [REACHED, ("login", "failed", "tls_unsupported")]
        assert "access.tls" in (results[1].hint or "")


def test_a_wrong_password(source_route: Route) -> None:
    results = steps(source_route, password="wrong")
    assert outcome(results) == [REACHED, ("login", "failed", "authentication")]
    assert "wrong" not in results[1].message


def test_a_missing_password(source_route: Route) -> None:
    results = steps(source_route, password=None, passfile="/nonexistent")
    assert outcome(results)[1] == ("login", "failed", "authentication")


def test_a_missing_database(source_route: Route) -> None:
    results = list(probe_route("source", replace(source_route, maintenance_database="no_such")))
    assert outcome(results) == [REACHED, ("login", "failed", "no_database")]


def test_a_database_that_lets_nobody_in(source_route: Route, fresh_database) -> None:
    name = fresh_database(source_route, options="allow_connections false")
    results = list(probe_route("source", replace(source_route, maintenance_database=name)))
    assert outcome(results) == [REACHED, ("login", "failed", "other")]
    assert "allow_connections" in (results[1].hint or "")


def test_an_account_without_the_right_to_connect(source_route: Route, fresh_database) -> None:
    name = fresh_database(source_route)
    with connect(source_route) as connection:
        connection.execute("create role probe_guest login password 'guest'")
        connection.execute(f"revoke connect on database {name} from public")
        try:
            guest = {**source_route.parameters, "user": "probe_guest", "password": "guest"}
            results = list(probe_route("source", replace(source_route, parameters=guest, maintenance_database=name)))
        finally:
            connection.execute("drop role probe_guest")
    assert outcome(results)[1] == ("login", "failed", "authentication")
    assert results[1].hint == "grant the account CONNECT on the database"


def test_a_socket_that_is_not_there(source_route: Route, tmp_path: Path) -> None:
    results = steps(source_route, host=str(tmp_path))
    assert outcome(results) == [("tcp", "failed", "refused"), NOT_REACHED]
    assert results[0].message == f"{tmp_path}/.s.PGSQL.{source_route.parameters['port']}: no such file or directory"
    assert ".s.PGSQL" in (results[0].hint or "")


def test_a_socket_leads_to_the_server(source_route: Route) -> None:
    assert outcome(steps(source_route, host=socket_folder(source_route))) == [REACHED, ("login", "ok", None)]


def test_of_several_hosts_the_first_that_answers_counts(source_route: Route) -> None:
    port = source_route.parameters["port"]
    results = steps(source_route, host="no-such-host.invalid,127.0.0.1", port=f"5432,{port}")
    assert outcome(results) == [REACHED, ("login", "ok", None)]


def test_a_service_is_followed_to_its_address(
    source_route: Route, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "pg_service.conf"
    file.write_text("[shop]\n" + "".join(f"{key}={value}\n" for key, value in source_route.parameters.items()))
    monkeypatch.setenv("PGSERVICEFILE", str(file))
    assert outcome(list(probe_route("source", Route(parameters={"service": "shop"}, description="shop")))) == [
        REACHED,
        ("login", "ok", None),
    ]
    unknown = list(probe_route("source", Route(parameters={"service": "nix"}, description="nix")))
    assert outcome(unknown) == [("tcp", "failed", "other"), NOT_REACHED]
    assert 'definition of service "nix" not found' in unknown[0].message


def test_where_tls_may_be_it_is_chosen_without_trying_the_password_twice(
    source_route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    def counted(conninfo: str, *, seconds: float) -> LoginResult:
        tried.append(conninfo)
        return login_module.login(conninfo, seconds=seconds)

    monkeypatch.setattr(probe, "login", counted)
    for mode in ("prefer", "allow"):
        tried.clear()
        assert outcome(steps(source_route, sslmode=mode, password="wrong"))[1] == ("login", "failed", "authentication")
        assert len(tried) == 1
        assert "sslmode=disable" in tried[0]


def test_tls_that_is_offered_and_does_not_work_falls_back_as_the_mode_says(
    source_route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "offers_tls", lambda address, *, seconds: True)
    assert outcome(steps(source_route, sslmode="prefer")) == [REACHED, ("login", "ok", None)]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ('password authentication failed for user "x"', "authentication"),
        ('no pg_hba.conf entry for host "10.0.0.1", user "x", database "y", no encryption', "authentication"),
        ('role "x" does not exist', "authentication"),
        ('database "x" does not exist', "no_database"),
        ("SSL error: certificate verify failed", "tls"),
        ("server closed the connection unexpectedly", "other"),
    ],
)
def test_where_there_is_no_sqlstate_the_words_decide(message: str, cause: str) -> None:
    assert probe._cause(LoginResult(ok=False, message=message))[0] == cause


class Closed(AccessType):
    """A way that does not open."""

    name = "access.closed"

    def open(self, endpoint: Endpoint, context: object) -> Iterator[Route]:  # type: ignore[override]
        raise AccessError("the gateway is closed", hint="open it")


def test_a_route_that_does_not_open_is_the_first_step(tmp_path: Path) -> None:
    context = FakeAccessContext(home=tmp_path, spec_folder=tmp_path)
    results = list(probe_access(Closed(), make_endpoint("target"), context))
    assert outcome(results) == [("open", "failed", "other"), ("tcp", "skipped", None), NOT_REACHED]
    assert (results[0].message, results[0].hint) == ("the gateway is closed", "open it")
    assert {result.side for result in results} == {"target"}


@contextmanager
def full_queue() -> Iterator[tuple[str, int]]:
    """A listener whose queue is full: the kernel drops further attempts, as a firewall does."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.6", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        yield listening.getsockname()
        for one in waiting:
            one.close()


def _served(listening: socket.socket, reply: bytes) -> list[ProbeResult]:
    """Probe a listener that answers everyone the same way."""
    import threading

    listening.settimeout(0.5)

    def serve() -> None:
        while True:
            try:
                caller, _ = listening.accept()
            except TimeoutError:
                return
            with caller:
                if caller.recv(64):
                    caller.sendall(reply)

    server = threading.Thread(target=serve)
    server.start()
    results = list(probe_route("source", at(listening.getsockname())))
    server.join()
    return results
