"""A server with TLS, where one that can do it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dtsrun.api import Route
from dtsrun.postgres.accounts import server_account
from dtsrun.postgres.installations import installed_versions
from dtsrun.postgres.server import PrivateServer
from dtsrun.testing.servers import THROWAWAY


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsServer:
    """A server whose certificate, signed by `root`, is for `localhost` only."""

    route: Route
    root: Path
    other_root: Path


@pytest.fixture(scope="session")
def tls_server() -> Iterator[TlsServer]:
    """A running server with TLS; skips where no installed server or no openssl has it."""
    able = [v for v, folder in installed_versions().items() if b"SSL_CTX_new" in (folder / "postgres").read_bytes()]
    if not able or shutil.which("openssl") is None:
        pytest.skip("no installed server was built with TLS, or there is no openssl to make certificates")
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-tls-"))
    folder.chmod(0o755)
    make_certificates(folder)
    files = {"ssl_cert_file": str(folder / "server.crt"), "ssl_key_file": str(folder / "server.key")}
    server = PrivateServer(folder / "server", able[-1], settings={**THROWAWAY, "ssl": "on", **files})
    server.start()
    yield TlsServer(route=server.route, root=folder / "root.crt", other_root=folder / "other.crt")
    server.destroy()
    shutil.rmtree(folder)


def make_certificates(folder: Path) -> None:
    """Make two authorities, and a certificate of the first for `localhost`."""
    for name in ("root", "other"):
        _openssl(folder, *_request(name), "-x509", "-out", f"{name}.crt", "-subj", f"/CN={name}")
    _openssl(folder, *_request("server"), "-out", "server.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    signer = ["-CA", "root.crt", "-CAkey", "root.key", "-CAcreateserial"]
    _openssl(folder, "x509", "-req", "-in", "server.csr", *signer, "-extfile", "names", "-out", "server.crt")
    (folder / "server.key").chmod(0o600)
    os.chown(folder / "server.key", server_account().uid, server_account().gid)


def _request(name: str) -> list[str]:
    return ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key"]


def _openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)
