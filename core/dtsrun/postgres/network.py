"""What access types over TCP share: the options of the line and of TLS, and the route that they make.

An access type adds its own options to `tcp_options` and calls `tcp_route` with the host and port that it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from dtsrun.api.contexts import AccessContext
from dtsrun.api.routes import Endpoint, Network, Route, SecretReference
from dtsrun.errors import AccessError

MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
"""libpq's sslmode, the weakest first."""

HOST: Final[Mapping[str, Any]] = {
    "description": "Name or address.",
    "type": "string",
    "pattern": r"^[^/@,\s][^/,\s]*$",
    "patternErrorMessage": "one host name or address",
}
PORT: Final[Mapping[str, Any]] = {
    "description": "TCP port.",
    "type": "integer",
    "minimum": 1,
    "maximum": 65535,
    "examples": [5432],
}

_FILE_KEYS: Final = {"root_cert": "sslrootcert", "cert": "sslcert", "key": "sslkey", "crl": "sslcrl"}
_DEFAULT_ROOT: Final = ".postgresql/root.crt"

# Where systems keep the certificates they trust, as one file: Debian, Red Hat, SUSE, Alpine and macOS.
_SYSTEM_ROOTS: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def tcp_options(*, mode: str) -> dict[str, Any]:
    """Return the options that every access type over TCP has: `tls`, `connect_timeout`, `keepalives`, `peer`.

    Args:
        mode: sslmode where the spec names none; the one that is handed to `tcp_route` too.
    """
    return {
        "tls": {
            "description": "How the connection is protected.",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "mode": {"description": "libpq's sslmode.", "enum": list(MODES), "default": mode},
                "root_cert": {"description": "File of the authorities to trust.", "type": "string"},
                "cert": {"description": "File of our own certificate.", "type": "string"},
                "key": {"description": "File of our own key.", "type": "string"},
                "key_password": {
                    "description": "Reference to the passphrase of our own key.",
                    "$ref": "#/$defs/secret_reference",
                },
                "crl": {"description": "File of revoked certificates, or folder of such files.", "type": "string"},
                "channel_binding": {
                    "description": "Whether the password exchange must be tied to the TLS connection (SCRAM).",
                    "enum": ["disable", "prefer", "require"],
                },
            },
            "dependentRequired": {"cert": ["key"], "key": ["cert"], "key_password": ["key"]},
            "examples": [{"mode": "verify-full", "root_cert": "ca.pem"}],
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
            "examples": [{"idle": 60, "interval": 10, "count": 6}],
        },
        "peer": _PEER,
    }


_PEER: Final[Mapping[str, Any]] = {
    "description": "How the other server reaches this one: a mapping, or `none`; left out, at the same address.",
    "type": ["object", "string"],
    "if": {"type": "string"},
    "then": {"const": "none"},
    "required": ["host"],
    "additionalProperties": False,
    "properties": {
        "host": {**HOST, "description": "Name or address, as the other server sees it."},
        "port": {**PORT, "description": "TCP port, as the other server sees it; left out, the same."},
        "mode": {"description": "sslmode of the other server; left out, the same.", "enum": list(MODES)},
        "root_cert": {
            "description": "File on the other server of the authorities that it trusts, or `system`.",
            "type": "string",
            "minLength": 1,
        },
        "cert": {"description": "File on the other server of its certificate for us.", "type": "string"},
        "key": {"description": "File on the other server of its key.", "type": "string"},
        "crl": {"description": "File on the other server of revoked certificates.", "type": "string"},
    },
    "dependentRequired": {"cert": ["key"], "key": ["cert"]},
    "examples": [{"host": "10.0.0.7", "port": 5432}],
}


def tcp_route(
    endpoint: Endpoint,
    context: AccessContext,
    *,
    host: str,
    port: int,
    mode: str,
    network: Network | None,
    about: str = "",
) -> Route:
    """Return the route to a host and port; nothing is opened.

    Args:
        mode: sslmode where the spec names none.
        network: what kind of network leads there.
        about: what else people want to know: `through VPN gateway vpngw-1`.

    Raises:
        AccessError: a file of `access.tls` is not there, or the password is not to be had.
    """
    access = endpoint.access
    server = {"host": host, "port": str(port), **credentials(endpoint, context)}
    tls = {**access.get("tls", {})}
    tls.setdefault("mode", mode)
    return Route(
        parameters={**server, **_line(access), **_protection(tls, context)},
        description=describe(host, port, endpoint.account, about),
        maintenance_database=endpoint.maintenance_database,
        peer=_peer(server, str(tls["mode"]), access.get("peer", {})),
        network=network,
    )


def credentials(endpoint: Endpoint, context: AccessContext) -> dict[str, str]:
    """Return the libpq parameters `user` and `password`, as far as the spec names them."""
    known = {"user": endpoint.account} if endpoint.account is not None else {}
    return known if endpoint.password is None else {**known, "password": context.resolve(endpoint.password)}


def describe(host: str, port: int, account: str | None, about: str = "") -> str:
    """Return what people call a server: `[2001:db8::1]:5432 as migrator, through VPN gateway vpngw-1`."""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" + (f" as {account}" if account else "") + (f", {about}" if about else "")


def _peer(server: Mapping[str, str], mode: str, said: Mapping[str, Any] | str) -> Mapping[str, str] | None:
    if isinstance(said, str):
        return None
    names = {"host": "host", "port": "port", "mode": "sslmode", **_FILE_KEYS}
    return {**server, "sslmode": mode, **{names[key]: str(value) for key, value in said.items()}}


def _line(access: Mapping[str, Any]) -> dict[str, str]:
    """Return what notices a line that went dead: without it a copy could wait for ever."""
    keepalives = {"idle": 60, "interval": 10, "count": 6, **access.get("keepalives", {})}
    named = {f"keepalives_{name}": str(value) for name, value in keepalives.items()}
    # Keepalives notice a silent peer while we wait for it, this one while our own data stay unconfirmed.
    silence = (keepalives["idle"] + keepalives["interval"] * keepalives["count"]) * 1000
    return {
        "connect_timeout": str(access.get("connect_timeout", 15)),
        "keepalives": "1",
        **named,
        "tcp_user_timeout": str(silence),
    }


def _protection(tls: Mapping[str, Any], context: AccessContext) -> dict[str, str]:
    mode = str(tls["mode"])
    given = {"sslmode": mode, **_certificates(tls, context.spec_folder)}
    if "key_password" in tls:
        [(kind, value)] = tls["key_password"].items()
        given["sslpassword"] = context.resolve(SecretReference(kind=kind, value=value))
    if "channel_binding" in tls:
        given["channel_binding"] = str(tls["channel_binding"])
    if mode in {"verify-ca", "verify-full"} and "sslrootcert" not in given:
        return {**given, **_trusted(mode)}
    return given


def _certificates(tls: Mapping[str, Any], folder: Path) -> dict[str, str]:
    found = {}
    for key, name in _FILE_KEYS.items():
        if key in tls:
            path = (folder / str(tls[key])).absolute()
            is_folder = key == "crl" and path.is_dir()
            if not is_folder and not path.is_file():
                hint = "a relative path starts at the spec's folder"
                raise AccessError(f"access.tls.{key}: there is no file {path}", hint=hint)
            found["sslcrldir" if is_folder else name] = str(path)
    return found


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
