"""Who is connected to the source's databases, and who of them may write."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources

from dtsrun.api import Connection
from dtsrun.inventory import matches


@dataclass(frozen=True, kw_only=True, slots=True)
class Exempt:
    """Sessions that are left alone: patterns of names, `*` any run of characters, `?` one."""

    roles: tuple[str, ...] = ()
    applications: tuple[str, ...] = ()

    def covers(self, session: Session) -> bool:
        """Tell whether a session is left alone."""
        by_role = any(matches(pattern, session.role) for pattern in self.roles)
        return by_role or any(matches(pattern, session.application) for pattern in self.applications)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """One session on a database. What the account may not see of others' sessions is None."""

    pid: int
    database: str
    role: str
    is_superuser: bool
    application: str
    address: str | None
    """None: over a local socket, or not visible."""
    state: str | None
    kind: str
    """`client backend`, or what else works on the database: `logical replication worker`, ..."""
    began_at: datetime | None
    seconds_in_state: float | None
    """For an idle session: how long ago its last query ended."""
    seconds_in_transaction: float | None
    has_written: bool
    """Whether its transaction has an id, so that it has written or is about to."""
    is_ours: bool

    @property
    def told(self) -> str:
        """For people: `pid 4711 of app (billing) from 10.0.0.7, idle for 12 s`."""
        application = f" ({self.application})" if self.application else ""
        address = f" from {self.address}" if self.address else ""
        kind = "" if self.kind == "client backend" else f", a {self.kind}"
        state = f", {self.state} for {self.seconds_in_state:.0f} s" if self.state and self.seconds_in_state else ""
        return f"pid {self.pid} of {self.role or 'the server'}{application}{address}{kind}{state}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prepared:
    """A prepared transaction: whoever knows its name may commit it at any time, whatever the fence."""

    name: str
    database: str
    role: str


def sessions(connection: Connection, databases: Sequence[str]) -> list[Session]:
    """Return the sessions on databases, our own too."""
    query = resources.files(__package__).joinpath("sessions.sql").read_bytes()
    rows = connection.execute(query, {"databases": list(databases)}).fetchall()
    return [Session(**row._asdict()) for row in rows]


def prepared_transactions(connection: Connection, databases: Sequence[str]) -> list[Prepared]:
    """Return the prepared transactions of databases."""
    rows = connection.execute(
        "select gid::text as name, database::text as database, coalesce(owner::text, 'a dropped role') as role"
        "  from pg_catalog.pg_prepared_xacts where database = any (%s) order by prepared",
        [list(databases)],
    ).fetchall()
    return [Prepared(**row._asdict()) for row in rows]
