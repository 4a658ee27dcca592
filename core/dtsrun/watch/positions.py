"""Where the source's write-ahead log stands, and a heartbeat that moves it on.

A source where nobody writes leaves its slot where it was, and a source where others write only to other databases shows
a lag that is none. A small transaction every few seconds mends both: the slot follows it, and so does the WAL that the
slot holds back. It makes no object: it is a logical message, or where EXECUTE on that was taken from us, a transaction
number that is used for nothing.
"""

from __future__ import annotations

from typing import Final

import psycopg

from dtsrun.api import Connection
from dtsrun.postgres.lsn import parse_lsn

PREFIX: Final = "dtsrun"
"""Of the logical messages. Output plugins that are asked for messages can tell ours by it."""


def current_position(source: Connection) -> int:
    """Return the position up to which the source's log is flushed, which is all that a walsender may send.

    A standby, which can be decoded from version 16 on, has what it has replayed.
    """
    row = source.execute(
        "select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()"
        "            else pg_catalog.pg_current_wal_flush_lsn() end::text as position"
    ).fetchone()
    assert row is not None
    return parse_lsn(row.position)


def written_position(source: Connection) -> int:
    """Return the position up to which the source's log is written, though maybe not flushed: whatever can be seen there
    by now was committed before it."""
    row = source.execute(
        "select case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()"
        "            else pg_catalog.pg_current_wal_insert_lsn() end::text as position"
    ).fetchone()
    assert row is not None
    return parse_lsn(row.position)


def beat(source: Connection) -> bool:
    """Commit a small transaction in a database of the source; return False on a standby, where nobody can.

    It never waits for a synchronous standby.
    """
    row = source.execute("select pg_catalog.pg_is_in_recovery() as is_standby").fetchone()
    assert row is not None
    if row.is_standby:
        return False
    try:
        _commit(source, "select pg_catalog.pg_logical_emit_message(true, %s, '')", [PREFIX])
    except psycopg.errors.InsufficientPrivilege:
        # Using up a transaction number writes a commit record, and anybody may.
        _commit(source, "select pg_catalog.txid_current()", [])
    return True


def _commit(source: Connection, statement: str, values: list[str]) -> None:
    with source.transaction():
        source.execute("set local synchronous_commit = local")
        source.execute(statement.encode(), values)
