"""How far a link was applied, remembered on the target in the transaction of the data themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dtsrun import marks
from dtsrun.api import Connection
from dtsrun.postgres.lsn import format_lsn, parse_lsn

ADVANCE: Final = (
    b"update _dtsrun.stream set position = $2, committed_at = $3, counts = $4,"
    b" applied_at = pg_catalog.clock_timestamp() where link = $1"
)
"""Run in every transaction of the target, before its commit."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Applied:
    """What the target remembers of a link."""

    position: int
    """Where the last applied transaction ended on the source."""
    counts: Mapping[str, int] = field(default_factory=dict)


def begin(connection: Connection, link: str, start_lsn: int) -> Applied:
    """Take the link for this session alone, and return how far it was applied.

    Whoever carried it before may have a commit on its way: its session, and with it the lock, ends after that.

    Raises:
        psycopg.errors.LockNotAvailable: another session has it.
    """
    connection.execute("set lock_timeout = '10s'")
    connection.execute(
        "select pg_catalog.pg_advisory_lock(pg_catalog.hashtext('_dtsrun.stream'), pg_catalog.hashtext(%s))", [link]
    )
    connection.execute("set lock_timeout = 0")
    marks.prepare(connection)
    connection.execute(
        "create table if not exists _dtsrun.stream (link text primary key, position text not null,"
        " committed_at timestamptz, applied_at timestamptz, counts text not null)"
    )
    connection.execute(
        "insert into _dtsrun.stream (link, position, counts) values (%s, %s, '{}') on conflict do nothing",
        [link, format_lsn(start_lsn)],
    )
    found = read(connection, link)
    assert found is not None  # just made
    return found


def as_text(counts: Mapping[str, int]) -> str:
    """Return counts as they are remembered."""
    return json.dumps(dict(counts))


def read(connection: Connection, link: str) -> Applied | None:
    """Return how far a link was applied; None where it never began."""
    if not _exists(connection):
        return None
    row = connection.execute("select position, counts from _dtsrun.stream where link = %s", [link]).fetchone()
    return Applied(position=parse_lsn(row.position), counts=json.loads(row.counts)) if row else None


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
