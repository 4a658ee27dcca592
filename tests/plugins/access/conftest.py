"""A server with TLS, where one that can do it is installed, and certificates of every kind for it."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import Route
from dtsrun.postgres.accounts import server_account
from dtsrun.postgres.installations import installed_versions
from dtsrun.postgres.login import SSL_REQUEST
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import THROWAWAY

CLIENT_RULES = """\
hostssl all certified all cert
hostssl all hashed all md5
hostssl all nobody_in_clear all scram-sha-256
hostnossl all nobody_in_clear all reject
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsServer:
    """A server that shows one of several certificates, all for `localhost` but one."""

    route: Route
    version: int
    folder: Path

    @property
    def root(self) -> Path:
        """The authority that signed what it shows at first."""
        return self.folder / "root.crt"

    @property
    def other_root(self) -> Path:
        """An authority that signed nothing of it but the certificate `stranger`."""
        return self.folder / "other.crt"

    def show(self, name: str) -> None:
        """Let it show another certificate: good, expired, early, stranger, elsewhere, revoked."""
        for kind in ("crt", "key"):
            shutil.copyfile(self.folder / f"{name}.{kind}", self.folder / f"shown.{kind}")
        with connect(self.route) as connection:
            connection.execute("select pg_reload_conf()")
        wanted = ssl.PEM_cert_to_DER_cert((self.folder / f"{name}.crt").read_text())
        until = time.monotonic() + 10
        while self._shown() != wanted:
            assert time.monotonic() < until, f"the server does not show {name}"
            time.sleep(0.02)

    def _shown(self) -> bytes | None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with socket.create_connection(("127.0.0.1", int(self.route.parameters["port"])), timeout=5) as plain:
            plain.sendall(SSL_REQUEST)
            assert plain.recv(1) == b"S"
            with context.wrap_socket(plain) as wrapped:
                return wrapped.getpeercert(binary_form=True)


def tls_versions() -> list[int]:
    """Return the versions of installed servers that were built with TLS."""
    return [v for v, folder in installed_versions().items() if b"SSL_CTX_new" in (folder / "postgres").read_bytes()]


@pytest.fixture(scope="session")
def start_tls_server() -> Iterator[Callable[..., TlsServer]]:
    """Start a server with TLS of a version, once for each name."""
    pytest.importorskip("cryptography", reason="certificates of tests need the package cryptography")
    running: dict[tuple[int, str], tuple[TlsServer, PrivateServer]] = {}

    def start(version: int, name: str = "") -> TlsServer:
        if version not in tls_versions():
            pytest.skip(f"no installed server {version} was built with TLS")
        if (version, name) not in running:
            running[version, name] = _start(version)
        return running[version, name][0]

    yield start
    for known, server in running.values():
        server.destroy()
        shutil.rmtree(known.folder)


@pytest.fixture(scope="session")
def any_tls_server(start_tls_server: Callable[..., TlsServer]) -> TlsServer:
    """A running server with TLS; skips where no installed server has it."""
    able = tls_versions()
    if not able:
        pytest.skip("no installed server was built with TLS (those of the embedded extra are not)")
    return start_tls_server(able[-1])


@pytest.fixture
def tls_server(any_tls_server: TlsServer) -> Iterator[TlsServer]:
    """The server with TLS; whatever a test lets it show, the next one finds the good certificate."""
    yield any_tls_server
    if (any_tls_server.folder / "shown.crt").read_bytes() != (any_tls_server.folder / "good.crt").read_bytes():
        any_tls_server.show("good")


def _start(version: int) -> tuple[TlsServer, PrivateServer]:
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-tls-"))
    folder.chmod(0o755)
    make_certificates(folder)
    files = {
        "ssl": "on",
        "ssl_cert_file": str(folder / "shown.crt"),
        "ssl_key_file": str(folder / "shown.key"),
        "ssl_ca_file": str(folder / "clients.crt"),
    }
    server = PrivateServer(folder / "server", version, settings={**THROWAWAY, **files})
    server.start()
    rules = folder / "server" / "data" / "pg_hba.conf"
    rules.write_text(CLIENT_RULES + rules.read_text())
    with connect(server.route) as connection:
        for role in ("certified", "hashed", "nobody_in_clear"):
            connection.execute(f"create role {role} login superuser password 'secret'")
        connection.execute("set password_encryption = 'md5'")
        connection.execute("alter role hashed password 'secret'")
        connection.execute("select pg_reload_conf()")
    return TlsServer(route=server.route, version=version, folder=folder), server


def make_certificates(folder: Path) -> None:
    """Make two authorities for servers, one for clients, and what they sign."""
    from dtsrun.testing.certificates import Authority

    root, other, clients = Authority("root"), Authority("other"), Authority("clients")
    issued = {
        "good": root.issue("localhost"),
        "expired": root.issue("localhost", valid_for=timedelta(days=-1)),
        "early": root.issue("localhost", valid_for=timedelta(days=90)),
        "elsewhere": root.issue("elsewhere.example.com"),
        "revoked": root.issue("localhost"),
        "stranger": other.issue("localhost"),
        "certified": clients.issue("certified"),
        "late": clients.issue("certified", valid_for=timedelta(days=-1)),
        "pretender": other.issue("certified"),
    }
    root.revoke(issued["revoked"])
    for name, authority in (("root", root), ("other", other), ("clients", clients)):
        (folder / f"{name}.crt").write_bytes(authority.certificate)
        (folder / f"{name}.crl").write_bytes(authority.revoked())
    for name, one in {**issued, "shown": issued["good"]}.items():
        (folder / f"{name}.crt").write_bytes(one.certificate)
        _write_key(folder / f"{name}.key", one.key, of_server=name == "shown")


def _write_key(path: Path, key: bytes, *, of_server: bool) -> None:
    path.touch(mode=0o600)
    path.write_bytes(key)
    if of_server:
        account: Any = server_account()
        os.chown(path, account.uid, account.gid)
