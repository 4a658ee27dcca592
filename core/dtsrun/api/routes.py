"""How a server is reached: what the spec says of it, and the route that an access type opens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from psycopg.conninfo import make_conninfo

Side = Literal["source", "target"]
Network = Literal["public", "private"]


@dataclass(frozen=True, kw_only=True, slots=True)
class SecretReference:
    """Where a password is to be had, e.g. kind `env`, value `SHOP_PASSWORD`; kind `plain` holds it itself."""

    kind: str
    value: Any = field(repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoint:
    """Source or target as the spec describes it."""

    side: Side
    access_type: str
    """Name in `access.type`, without the family: `public_network`."""
    access: Mapping[str, Any]
    """The other keys of `access`, validated against the access type's options."""
    account: str | None
    password: SecretReference | None
    region: str | None
    maintenance_database: str = "postgres"
    """The database to connect to for what concerns the whole server."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Objection:
    """What an access type has to say against a spec that keeps the schema; it becomes a violation with its place."""

    side: Side
    path: tuple[str, ...]
    """Below the endpoint: `("access", "owner")`; empty for the endpoint itself."""
    message: str
    hint: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """A way to a server that works while the access type holds it open. Plain data: it can go to another process."""

    parameters: Mapping[str, str] = field(repr=False)
    """libpq connection parameters without `dbname`; may hold the password, hence never shown."""
    description: str
    """For people: `db.example.com:5432 as migrator`. No secret."""
    maintenance_database: str = "postgres"
    peer: Mapping[str, str] | None = field(default=None, repr=False)
    """How the *other server* reaches this one, or None where it cannot."""
    network: Network | None = None
    """What kind of network leads there, by the user's word; None where it may be either."""
    notes: tuple[str, ...] = ()
    """Said to the user when the task ends, e.g. how to open psql on a private server."""

    def conninfo(self, database: str | None = None) -> str:
        """Return a libpq connection string for a database; None means the maintenance database."""
        parameters = {k: v for k, v in self.parameters.items() if k != "dbname"}
        return make_conninfo("", **parameters, dbname=database or self.maintenance_database)


ProbeStatus = Literal["ok", "failed", "skipped"]
ProbeCause = Literal[
    "dns",
    "refused",
    "timeout",
    "unreachable",
    "tls",  # and where it can be told what of it:
    "tls_expired",
    "tls_host",
    "tls_authority",
    "tls_revoked",
    "tls_client",
    "tls_unsupported",
    "channel_binding",
    "authentication",
    "no_database",
    "other",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class ProbeResult:
    """One step of the connectivity test of one side."""

    side: Side
    step: Literal["open", "tcp", "login", "line"]
    """`line` measures what the others have opened: `dtsrun test` makes it, access types need not."""
    status: ProbeStatus
    seconds: float
    message: str
    """What was seen, e.g. `PostgreSQL 16.14 as migrator`, or why it failed."""
    cause: ProbeCause | None = None
    hint: str | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    """Of a line: `round_trip_seconds`, `bytes_per_second`."""
