"""The connectivity test: open the route, reach the address, log in once; and what stands in the way, told apart."""

from __future__ import annotations

import errno
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final, Literal

from psycopg import pq
from psycopg.conninfo import make_conninfo

from dtsrun.api.contexts import AccessContext
from dtsrun.api.plugins import AccessType
from dtsrun.api.routes import Endpoint, ProbeCause, ProbeResult, Route, Side
from dtsrun.errors import AccessError
from dtsrun.postgres.certificates import UNVERIFIED, judge, verdict_of_words
from dtsrun.postgres.login import LoginResult, login, offers_tls
from dtsrun.postgres.session import CONNECT_TIMEOUT_SECONDS

StepName = Literal["open", "tcp", "login"]

HINTS: Final[Mapping[ProbeCause, str]] = {
    "dns": "check the spelling of the host, and that this machine's resolver knows it",
    "refused": "check the port, that the server runs, and that its listen_addresses hold this address",
    "timeout": "a firewall, security group or route drops the packets: let this machine's address in",
    "unreachable": "this machine has no route to that network: check its interfaces, VPN and routes",
    "tls": "check access.tls: the mode, the root certificate, and that the host is a name of the certificate",
    "authentication": "check account and password, and that pg_hba.conf lets them in from this machine",
    "no_database": "create the database, or name another one to connect to",
}

_SOCKET_HINT: Final = "check the folder and the port: the socket's file is <folder>/.s.PGSQL.<port>"
_SILENT_HINT: Final = "something accepts the connection and does not answer: an overloaded server, or a proxy before it"
_ONLY_TLS_HINT: Final = "pg_hba.conf lets this account in over TLS only: ask for it in access.tls.mode"
_FOREIGN_HINT: Final = "something other than PostgreSQL answers at this port"

_OF_CLASS: Final[Mapping[str, ProbeCause]] = {"28": "authentication", "3D": "no_database"}
_OF_STATE: Final[Mapping[str, tuple[ProbeCause, str]]] = {
    # No CONNECT privilege on the database.
    "42501": ("authentication", "grant the account CONNECT on the database"),
    "53300": ("other", "all connections are taken: raise max_connections, or free some"),
    "55000": ("other", "the database accepts no connections: alter database ... allow_connections true"),
    "57P03": ("other", "the server is starting up or shutting down: try again in a moment"),
}
# Words of libpq itself, which come untranslated, and of a server, for platforms that show no SQLSTATE.
_OF_WORDS: Final[tuple[tuple[str, ProbeCause], ...]] = (
    ("invalid response to SSL negotiation", "other"),
    ("expected authentication request", "other"),
    ("server closed the connection unexpectedly", "other"),
    ("no password supplied", "authentication"),
    ("password authentication failed", "authentication"),
    (r"pg_hba\.conf", "authentication"),
    ('role ".*" does not exist', "authentication"),
    ('database ".*" does not exist', "no_database"),
    ("SSL", "tls"),
    ("certificate", "tls"),
    ("could not translate host name", "dns"),
    ("Connection refused", "refused"),
)
_OF_ERRNO: Final[Mapping[int, ProbeCause]] = {
    errno.ECONNREFUSED: "refused",
    errno.ENOENT: "refused",
    errno.ETIMEDOUT: "timeout",
    errno.ENETUNREACH: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.EACCES: "unreachable",
    errno.EPERM: "unreachable",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a route leads: a host and port, or the file of a socket."""

    host: str
    hostaddr: str
    port: int

    @property
    def is_socket(self) -> bool:
        return not self.hostaddr and self.host.startswith(("/", "@"))

    @property
    def socket_file(self) -> str:
        """The socket's name for the kernel; a leading @ means the abstract name space."""
        path = f"{self.host}/.s.PGSQL.{self.port}"
        return "\0" + path[1:] if path.startswith("@") else path

    def __str__(self) -> str:
        return self.socket_file.replace("\0", "@") if self.is_socket else f"{self.host or self.hostaddr}:{self.port}"


def probe_access(access_type: AccessType, endpoint: Endpoint, context: AccessContext) -> Iterator[ProbeResult]:
    """Yield what came of opening the route, reaching the address and logging in; each needs the one before it.

    A password is tried at most once, since servers lock accounts out.
    """
    with ExitStack() as stack:
        opening = _Step(endpoint.side, "open")
        try:
            route = stack.enter_context(access_type.open(endpoint, context))
        except AccessError as error:
            yield opening.failed(error.message, "other", error.hint)
            yield from _skipped(endpoint.side, ("tcp", "login"), "the route does not open")
            return
        yield opening.ok(route.description)
        yield from probe_route(endpoint.side, route)


def probe_route(side: Side, route: Route) -> Iterator[ProbeResult]:
    """Yield what came of reaching a route's address and of logging in."""
    seconds = float(route.parameters.get("connect_timeout", CONNECT_TIMEOUT_SECONDS))
    result, reached = _reach(_Step(side, "tcp"), route, seconds)
    yield result
    if reached is None:
        yield from _skipped(side, ("login",), "the address is not reached")
    else:
        yield _log_in(_Step(side, "login"), route, reached, seconds)


class _Step:
    """One step of the test with its stop-watch."""

    def __init__(self, side: Side, name: StepName) -> None:
        self._side: Side = side
        self._name: StepName = name
        self._begun = time.monotonic()

    def ok(self, message: str) -> ProbeResult:
        return ProbeResult(side=self._side, step=self._name, status="ok", seconds=self._passed(), message=message)

    def failed(self, message: str, cause: ProbeCause, hint: str | None) -> ProbeResult:
        return ProbeResult(
            side=self._side,
            step=self._name,
            status="failed",
            seconds=self._passed(),
            message=message,
            cause=cause,
            hint=hint or HINTS.get(cause),
        )

    def _passed(self) -> float:
        return round(time.monotonic() - self._begun, 4)


def _skipped(side: Side, names: tuple[StepName, ...], reason: str) -> Iterator[ProbeResult]:
    for name in names:
        yield ProbeResult(side=side, step=name, status="skipped", seconds=0.0, message=reason)


def _reach(step: _Step, route: Route, seconds: float) -> tuple[ProbeResult, Address | None]:
    """Try the route's addresses in turn, as libpq does; return the first that answers."""
    try:
        addresses = _addresses(route)
    except AccessError as error:
        return step.failed(error.message, "other", error.hint), None
    result = step.failed("the route names no address", "other", None)
    for address in addresses:
        try:
            found = _knock(address, seconds)
        except OSError as error:
            result = _unreached(step, address, error, seconds)
        else:
            return step.ok(f"{address} answers"), found
    return result, None


def _addresses(route: Route) -> list[Address]:
    given = dict(route.parameters)
    if not given.get("host") and not given.get("hostaddr"):
        given = _effective(route)
    hosts = given.get("host", "").split(",")
    numbers = given.get("hostaddr", "").split(",") if given.get("hostaddr") else [""] * len(hosts)
    hosts = hosts if len(hosts) == len(numbers) else [""] * len(numbers)
    ports = (given.get("port") or "5432").split(",")
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    return [
        Address(host=host, hostaddr=number, port=int(port or 5432))
        for host, number, port in zip(hosts, numbers, ports, strict=True)
    ]


def _effective(route: Route) -> dict[str, str]:
    """Ask libpq what a service, the environment and its defaults make of a route."""
    connection = pq.PGconn.connect_start(route.conninfo().encode())
    try:
        seen = {option.keyword.decode(): option.val.decode() for option in connection.info if option.val}
        if not seen.get("host") and not seen.get("hostaddr"):
            seen["host"] = connection.host.decode()
        if not seen["host"]:
            raise AccessError(connection.get_error_message().strip(), hint="check access.service and pg_service.conf")
        return seen
    finally:
        connection.finish()


def _knock(address: Address, seconds: float) -> Address:
    """Open a connection and close it; return the address with the number that answered."""
    if address.is_socket:
        with socket.socket(socket.AF_UNIX) as knocking:
            knocking.settimeout(seconds)
            knocking.connect(address.socket_file)
        return address
    with socket.create_connection((address.hostaddr or address.host, address.port), timeout=seconds) as knocking:
        return Address(host=address.host, hostaddr=str(knocking.getpeername()[0]), port=address.port)


def _unreached(step: _Step, address: Address, error: OSError, seconds: float) -> ProbeResult:
    if isinstance(error, socket.gaierror):
        return step.failed(f"the name {address.host} is not known: {error.strerror}", "dns", None)
    if isinstance(error, TimeoutError):
        return step.failed(f"{address} does not answer within {seconds:g} s", "timeout", None)
    cause = _OF_ERRNO.get(error.errno or 0, "other")
    said = os.strerror(error.errno) if error.errno else str(error)
    return step.failed(f"{address}: {said.lower()}", cause, _SOCKET_HINT if address.is_socket else None)


def _log_in(step: _Step, route: Route, address: Address, seconds: float) -> ProbeResult:
    asked = route.parameters.get("sslmode", os.environ.get("PGSSLMODE", "prefer"))
    mode = _single_mode(asked, address, seconds)
    result = login(_conninfo(route, address, mode), seconds=seconds)
    if not result.ok and mode != asked and _cause(result)[0] != "authentication":
        # TLS as offered does not work; nothing was proved about the password yet, so the route's own mode may try.
        result = login(_conninfo(route, address, asked), seconds=seconds)
    if result.ok:
        return step.ok(result.message + (" over TLS" if result.encrypted else ""))
    cause, hint = _cause(result)
    if UNVERIFIED in result.message:
        there = (address.hostaddr, address.port)
        cause, hint = judge(there, route.parameters, seconds=seconds) or (cause, hint)
    return step.failed(result.message, cause, hint)


def _single_mode(asked: str, address: Address, seconds: float) -> str:
    """Return the one TLS mode that a mode with a fallback comes to, so that the password is sent once."""
    if address.is_socket or asked not in {"prefer", "allow"}:
        return asked
    if asked == "allow":
        return "disable"
    return "require" if offers_tls((address.hostaddr, address.port), seconds=seconds) else "disable"


def _conninfo(route: Route, address: Address, mode: str) -> str:
    one = {"host": address.host or None, "hostaddr": address.hostaddr or None, "port": address.port, "sslmode": mode}
    return make_conninfo(route.conninfo(), **{name: value for name, value in one.items() if value is not None})


def _cause(result: LoginResult) -> tuple[ProbeCause, str | None]:
    if result.timed_out:
        return "timeout", _SILENT_HINT
    told = verdict_of_words(result.message)
    if told is not None:
        return told
    if result.sqlstate is not None:
        known = _OF_STATE.get(result.sqlstate)
        hint = _ONLY_TLS_HINT if re.search("no encryption|SSL off", result.message) else None
        return known or (_OF_CLASS.get(result.sqlstate[:2], "other"), hint)
    cause: ProbeCause = next((cause for words, cause in _OF_WORDS if re.search(words, result.message)), "other")
    return cause, _FOREIGN_HINT if cause == "other" else None
