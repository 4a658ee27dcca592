"""Access type `public_network`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Route
from dtsrun.errors import AccessError

_FILE_KEYS: Final = {"root_cert": "sslrootcert", "cert": "sslcert", "key": "sslkey", "crl": "sslcrl"}
_DEFAULT_ROOT: Final = ".postgresql/root.crt"

# Where systems keep the certificates they trust, as one file: Debian, Red Hat, SUSE, Alpine and macOS.
_SYSTEM_ROOTS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class PublicNetwork(AccessType):
    """A server at a host name and port

    What it does
    ------------
    Connects by TCP to a host and port, over TLS with the server's certificate and name verified, unless the spec asks
    for less. Keepalives notice a peer that is gone without a word.

    Why it matters
    --------------
    The way over the internet is the one where somebody else may listen or answer: any TLS mode below `verify-full`
    lets them.

    Spec
    ----
    `host`: name or address. `port`: 5432 if left out. `tls.mode`: libpq's sslmode, `verify-full` if left out.
    `tls.root_cert`: the authorities that may have signed the server's certificate; left out,
    `~/.postgresql/root.crt` if there is one, else those that this machine trusts. `tls.cert` and `tls.key`: our own
    certificate, where the server asks for it. `tls.crl`: revoked certificates. Files are relative to the spec's folder.
    `connect_timeout`: seconds for each attempt. `keepalives`: seconds of silence before the first probe (`idle`) and
    between probes (`interval`), and how many may be lost (`count`).

    Needs
    -----
    A pg_hba.conf of the server that lets this machine in, and firewalls that do.

    Example
    -------
        source:
          type: postgresql
          access: {type: public_network, host: db.example.com, tls: {mode: verify-full, root_cert: ca.pem}}
          account: migrator
          password: {env: SOURCE_PASSWORD}

    Limits
    ------
    One host; a key must not be encrypted with a passphrase. The other server, where it connects to this one itself,
    uses the certificates on its own disk.
    """

    name = "access.public_network"
    options = {
        "properties": {
            "host": {"description": "Name or address.", "type": "string", "pattern": r"^[^/@,\s][^/,\s]*$"},
            "port": {"description": "TCP port.", "type": "integer", "minimum": 1, "maximum": 65535, "default": 5432},
            "tls": {
                "description": "How the connection is protected.",
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "mode": {
                        "description": "libpq's sslmode.",
                        "enum": ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"],
                        "default": "verify-full",
                    },
                    "root_cert": {"description": "File of the authorities to trust.", "type": "string"},
                    "cert": {"description": "File of our own certificate.", "type": "string"},
                    "key": {"description": "File of our own key.", "type": "string"},
                    "crl": {"description": "File of revoked certificates.", "type": "string"},
                },
                "dependentRequired": {"cert": ["key"], "key": ["cert"]},
            },
            "connect_timeout": {
                "description": "Seconds for each attempt to connect.",
                "type": "integer",
                "minimum": 2,
                "default": 15,
            },
            "keepalives": {
                "description": "TCP keepalives, in seconds.",
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "idle": {"description": "Silence before the first.", "type": "integer", "minimum": 1},
                    "interval": {"description": "Between two of them.", "type": "integer", "minimum": 1},
                    "count": {"description": "How many may be lost.", "type": "integer", "minimum": 1},
                },
            },
        },
        "required": ["host"],
    }

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Give the route; there is nothing to hold open."""
        access = endpoint.access
        server = {"host": str(access["host"]), "port": str(access.get("port", 5432))}
        if endpoint.account is not None:
            server["user"] = endpoint.account
        if endpoint.password is not None:
            server["password"] = context.resolve(endpoint.password)
        tls = access.get("tls", {})
        mode = str(tls.get("mode", "verify-full"))
        yield Route(
            parameters={**server, **_line(access), "sslmode": mode, **_certificates(tls, mode, context.spec_folder)},
            description=_description(endpoint, server),
            maintenance_database=endpoint.maintenance_database,
            peer={**server, "sslmode": mode},
        )


def _description(endpoint: Endpoint, server: Mapping[str, str]) -> str:
    host = f"[{server['host']}]" if ":" in server["host"] else server["host"]
    return f"{host}:{server['port']}" + (f" as {endpoint.account}" if endpoint.account else "")


def _line(access: Mapping[str, Any]) -> dict[str, str]:
    """Return what notices a line that went dead: without it a copy could wait for ever."""
    keepalives = {"idle": 60, "interval": 10, "count": 6, **access.get("keepalives", {})}
    named = {f"keepalives_{name}": str(value) for name, value in keepalives.items()}
    return {"connect_timeout": str(access.get("connect_timeout", 15)), "keepalives": "1", **named}


def _certificates(tls: Mapping[str, Any], mode: str, folder: Path) -> dict[str, str]:
    given = {name: _file(folder / str(tls[key]), key) for key, name in _FILE_KEYS.items() if key in tls}
    if mode in {"verify-ca", "verify-full"} and "sslrootcert" not in given:
        return {**given, **_trusted(mode)}
    return given


def _file(path: Path, key: str) -> str:
    if not path.is_file():
        raise AccessError(
            f"access.tls.{key}: there is no file {path}", hint="a relative path starts at the spec's folder"
        )
    return str(path.absolute())


def _trusted(mode: str) -> dict[str, str]:
    """Return the authorities to trust where the spec names none."""
    if (Path.home() / _DEFAULT_ROOT).exists():
        return {}
    if mode == "verify-ca":
        # Anyone has a certificate that some public authority signed; without the name it proves nothing.
        raise AccessError(
            "tls mode verify-ca needs access.tls.root_cert", hint="name the authority's certificate, or use verify-full"
        )
    # As a file, since the libpq that is bundled with a driver may look elsewhere than the system does, and since
    # `system` is unknown to libpq before 16.
    found = next((path for path in _SYSTEM_ROOTS if Path(path).is_file()), "system")
    return {"sslrootcert": found}
