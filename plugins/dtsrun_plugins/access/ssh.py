"""Access type `ssh`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dtsrun.api import AccessContext, AccessType, Endpoint, Route, SecretReference
from dtsrun.errors import AccessError
from dtsrun.postgres.network import HOST, PORT, credentials, describe, tcp_options, tcp_route
from dtsrun.ssh.client_config import Hop, Patience, quoted

if TYPE_CHECKING:
    from dtsrun.ssh.tunnel import FarEnd

MODE: Final = "disable"
SSH_PORT: Final = 22

# A name goes into the client's configuration: one word that is no option.
_NAME: Final[Mapping[str, Any]] = {
    "type": "string",
    "pattern": r'^[^-@/,\s"\\%$#\[\]][^@/,\s"\\%$#\[\]]*$',
    "patternErrorMessage": "one host name or address",
}
_PATH: Final[Mapping[str, Any]] = {"type": "string", "pattern": r'^[^"\\\n]+$', "patternErrorMessage": "a file's path"}

_HOP: Final[Mapping[str, Any]] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "host": {**_NAME, "description": "Name or address of the jump host."},
        "port": {**PORT, "description": "Its SSH port.", "default": SSH_PORT},
        "user": {
            **_NAME,
            "description": "Account there; left out, the name of whoever runs dtsrun.",
            "patternErrorMessage": "one account name",
        },
        "key": {**_PATH, "description": "File of the private key; left out, the agent's and the default ones."},
        "passphrase": {"description": "Reference to the key's passphrase.", "$ref": "#/$defs/secret_reference"},
        "known_hosts": {
            **_PATH,
            "description": "File with the host's key; left out, the user's and the system's known_hosts.",
        },
    },
    "required": ["host"],
    "dependentRequired": {"passphrase": ["key"]},
}

_TCP: Final = tcp_options(mode=MODE)
_LINE: Final[Mapping[str, Any]] = {
    "tls": _TCP["tls"],
    "connect_timeout": _TCP["connect_timeout"],
    "peer": {**_TCP["peer"], "description": "How the other server reaches this one; left out, it cannot."},
}


class Ssh(AccessType):
    """A server behind one SSH jump host, or a chain of them

    What it does
    ------------
    Opens a tunnel with the system's SSH client through the jump hosts, each reached through the one before it, and
    connects through it, `pg_dump` too. The host key of each must be known; it is never accepted silently. The near end
    is a socket in a folder that only the user who runs dtsrun can enter; with TLS it is a port of 127.0.0.1, since
    PostgreSQL speaks TLS over TCP only. A tunnel that breaks is opened again and again while the task runs, so that
    work goes on within `task.retry`.

    Why it matters
    --------------
    Many servers are reached through a jump host only. A tunnel that is opened by hand breaks in the night, and nothing
    opens it again.

    Spec
    ----
    `host` and `port`: the server as the last jump host sees it; or `socket`: the folder of its Unix socket there.
    `jump`: a jump host, or a list of them, the nearest first: `host`, `port` (22 if left out), `user`, `key` (file of
    the private key; left out, the keys of the agent and the default ones), `passphrase` (a reference to the key's),
    `known_hosts` (a file; left out, `~/.ssh/known_hosts` and the system's). Files are relative to the spec's folder;
    `~` is the home folder. `alive`: seconds of silence before the client asks whether the other side is there
    (`interval`), and how many such questions may stay without an answer (`count`); the server behind the last jump host
    is asked as often, and may stay silent as long. `tls` and `connect_timeout` as for
    `public_network`; `tls.mode` is `disable` if left out, since SSH encrypts the way to the last jump host. `peer`: how
    the other server reaches this one, if it does.

    Needs
    -----
    OpenSSH's client `ssh` on the machine that runs dtsrun. An account on each jump host that logs in with a key, and
    whose sshd lets it forward connections. A pg_hba.conf that lets the last jump host in.

    Example
    -------
        source:
          type: postgresql
          access: {type: ssh, host: 10.1.0.7, port: 5432,
                   jump: {host: jump.example.com, user: mover, key: ~/.ssh/id_ed25519}}
          account: migrator
          password: {env: SOURCE_PASSWORD}

    Limits
    ------
    Keys, an agent, Kerberos: no passwords of SSH accounts. `~/.ssh/config` is not read. Between the last jump host and
    the server nothing is encrypted unless `tls` asks for it. The other server cannot use the tunnel. `.pgpass` is
    looked up under the server's name only with TLS. While TLS is asked for, other users of this machine reach the
    server's login through the port of 127.0.0.1.
    """

    name = "access.ssh"
    options = {
        "properties": {
            **_LINE,
            "host": {**HOST, **_NAME, "description": "Name or address of the server, as the last jump host sees it."},
            "port": {**PORT, "default": 5432},
            "socket": {
                "description": "Folder of the server's Unix socket on the last jump host.",
                "type": "string",
                "pattern": r'^/[^"\\\n%$]*$',
            },
            "jump": {
                "description": "The jump host, or a list of them, the nearest first.",
                "examples": [{"host": "CHANGE_ME", "user": "CHANGE_ME"}],
                "if": {"type": "array"},
                "then": {"minItems": 1, "items": _HOP},
                "else": _HOP,
            },
            "alive": {
                "description": "How a tunnel that went dead is noticed.",
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "interval": {
                        "description": "Seconds of silence before the client asks.",
                        "type": "integer",
                        "minimum": 1,
                        "default": 10,
                    },
                    "count": {
                        "description": "How many questions may stay without an answer.",
                        "type": "integer",
                        "minimum": 1,
                        "default": 3,
                    },
                },
            },
        },
        "required": ["jump"],
        "oneOf": [{"required": ["host"]}, {"required": ["socket"], "properties": {"tls": False}}],
    }

    @contextmanager
    def open(self, endpoint: Endpoint, context: AccessContext) -> Iterator[Route]:
        """Open the tunnel and give the route through it."""
        from dtsrun.ssh.tunnel import FarEnd, Tunnel

        access = endpoint.access
        hops = _hops(endpoint, context)
        alive = {"interval": 10, "count": 3, **access.get("alive", {})}
        patience = Patience(
            connect_seconds=int(access.get("connect_timeout", 15)),
            interval_seconds=int(alive["interval"]),
            lost=int(alive["count"]),
        )
        far_end = FarEnd(host=access.get("host"), port=int(access.get("port", 5432)), socket=access.get("socket"))
        by_tcp = access.get("tls", {}).get("mode", MODE) != "disable"
        through = _route(endpoint, context, far_end, hops)
        with Tunnel(hops, far_end, patience, by_tcp=by_tcp, where=endpoint.side) as tunnel:
            kept = {name: value for name, value in through.parameters.items() if by_tcp or not name.startswith("ssl")}
            yield replace(through, parameters={**kept, **tunnel.near_end})


def _route(endpoint: Endpoint, context: AccessContext, far_end: FarEnd, hops: list[Hop]) -> Route:
    """Return the route as it would be from the last jump host."""
    about = f"through SSH {' and '.join(map(str, hops))}"
    if far_end.socket is not None:
        where = f"{far_end}" + (f" as {endpoint.account}" if endpoint.account else "") + f", {about}"
        return Route(
            parameters=credentials(endpoint, context),
            description=where,
            maintenance_database=endpoint.maintenance_database,
            peer=None,
        )
    host = str(far_end.host)
    route = tcp_route(endpoint, context, host=host, port=far_end.port, mode=MODE, network=None, about=about)
    # Where the server stands is known to the jump host only, unless the user says more.
    is_told = isinstance(endpoint.access.get("peer"), Mapping)
    return replace(
        route,
        description=describe(host, far_end.port, endpoint.account, about),
        peer=route.peer if is_told else None,
    )


def _hops(endpoint: Endpoint, context: AccessContext) -> list[Hop]:
    said = endpoint.access["jump"]
    chain = said if isinstance(said, list) else [said]
    return [_hop(one, context, f"{endpoint.side}.access.jump") for one in chain]


def _hop(said: Mapping[str, Any], context: AccessContext, where: str) -> Hop:
    passphrase = None
    if "passphrase" in said:
        ((kind, value),) = said["passphrase"].items()
        passphrase = context.resolve(SecretReference(kind=kind, value=value))
    return Hop(
        host=str(said["host"]),
        port=int(said.get("port", SSH_PORT)),
        user=said.get("user"),
        key=_file(said, "key", context, where),
        known_hosts=_file(said, "known_hosts", context, where),
        passphrase=passphrase,
    )


def _file(said: Mapping[str, Any], name: str, context: AccessContext, where: str) -> Path | None:
    if name not in said:
        return None
    path = (context.spec_folder / Path(said[name]).expanduser()).absolute()
    if not path.is_file():
        hint = "a relative path starts at the spec's folder"
        raise AccessError(f"{where}.{name}: there is no file {path}", hint=hint)
    try:
        quoted(path)
    except ValueError as error:
        hint = "move it to a folder with a plainer name"
        raise AccessError(f"{where}.{name}: the SSH client cannot take the path {path}", hint=hint) from error
    return path
