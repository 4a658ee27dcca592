"""How far a link was applied, remembered on the target in the transaction of the data themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dtsrun import marks
from dtsrun.api import Connection, Link
from dtsrun.errors import MigrationError
from dtsrun.postgres.lsn import format_lsn, parse_lsn

ADVANCE: Final = (
    b"update _dtsrun.stream set position = $2, committed_at = $3, counts = $4,"
    b" applied_at = pg_catalog.clock_timestamp() where link = $1"
)
"""Run in every transaction of the target, before its commit."""

PASS: Final = b"update _dtsrun.stream set position = $2 where link = $1"
"""Run alone, where the source has written nothing for the link: it is told of no position that is not here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What the target remembers of a link."""

    position: int
    """Where the last applied transaction ended on the source."""
    counts: Mapping[str, int] = field(default_factory=dict)


def begin(connection: Connection, link: Link, system: str) -> Applied:
    """Take the link for this session alone, and return how far it was applied.

    Whoever carried it before may have a commit on its way: its session, and with it the lock, ends after that.

    Args:
        system: system identifier of the source.

    Raises:
        MigrationError: the link began on another server than the source is now.
        psycopg.errors.LockNotAvailable: another session has it.
    """
    connection.execute("set lock_timeout = '10s'")
    connection.execute(
        "select pg_catalog.pg_advisory_lock(pg_catalog.hashtext('_dtsrun.stream'), pg_catalog.hashtext(%s))",
        [link.name],
    )
    connection.execute("set lock_timeout = 0")
    marks.prepare(connection)
    connection.execute(
        "create table if not exists _dtsrun.stream (link text primary key, source text not null,"
        " position text not null, committed_at timestamptz, applied_at timestamptz, counts text not null)"
    )
    with connection.transaction():
        # What the session before committed may not be on the disk yet. A write that waits for it brings all there.
        connection.execute("set local synchronous_commit = on")
        connection.execute(
            "insert into _dtsrun.stream as known (link, source, position, counts) values (%s, %s, %s, '{}')"
            " on conflict (link) do update set position = known.position",
            [link.name, system, format_lsn(link.start_lsn)],
        )
    row = _row(connection, link.name)
    assert row is not None  # just made, or there
    if row.source != system:
        raise MigrationError(
            f"source: link {link.name} began on the server with system identifier {row.source}, and the source is now"
            f" the one with {system}",
            hint="lead the task to the server that it began on; for another one, delete the task and begin anew",
        )
    return _applied(row)


def as_text(counts: Mapping[str, int]) -> str:
    """Return counts as they are remembered."""
    return json.dumps(dict(counts))


def read(connection: Connection, link: str) -> Applied | None:
    """Return how far a link was applied; None where it never began."""
    row = _row(connection, link) if _exists(connection) else None
    return _applied(row) if row else None


def forget(connection: Connection, link: str) -> None:
    """Forget a link; the table goes with the last one."""
    if not _exists(connection):
        return
    with connection.transaction():
        # Two links that end together must not both think that the other one stays.
        connection.execute("lock table _dtsrun.stream in access exclusive mode")
        connection.execute("delete from _dtsrun.stream where link = %s", [link])
        row = connection.execute("select exists (select from _dtsrun.stream) as others").fetchone()
        if row and not row.others:
            connection.execute("drop table _dtsrun.stream")


def _exists(connection: Connection) -> bool:
    row = connection.execute("select pg_catalog.to_regclass('_dtsrun.stream') is not null as found").fetchone()
    return bool(row and row.found)


def _row(connection: Connection, link: str) -> Any:
    return connection.execute("select source, position, counts from _dtsrun.stream where link = %s", [link]).fetchone()


def _applied(row: Any) -> Applied:
    return Applied(position=parse_lsn(row.position), counts=json.loads(row.counts))
