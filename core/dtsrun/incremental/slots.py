"""Replication slots: made with an exported snapshot that begins where the slot begins, and taken away again.

Creating a logical slot waits for every transaction that writes, in any database of the server, and for prepared
transactions too (the manual, "Logical Decoding Concepts"). The wait is bounded, and who is waited for is named.
"""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus

from dtsrun.api import Connection, Route
from dtsrun.errors import MigrationError
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.postgres.session import CONNECT_TIMEOUT_SECONDS

TICK_SECONDS: Final = 0.5
LOOK_SECONDS: Final = 5.0
"""How often we look who is waited for."""
CANCEL_SECONDS: Final = 5.0
"""How long the server may take to hear that a slot is not to be made."""
FREE_SECONDS: Final = 30.0
"""How long a slot may stay in use after its consumer was stopped, before its walsender is ended."""

FIRST_WITH_COPIES: Final = 12
"""pg_copy_logical_replication_slot came with version 12."""

QUIET: Final = (
    "-c search_path= -c statement_timeout=0 -c idle_in_transaction_session_timeout=0 -c role=none"
    " -c default_transaction_read_only=off -c tcp_keepalives_idle=60"
)
"""Settings of the session that holds the snapshot: it stays in a transaction for as long as the copy takes."""


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """A slot that was just made. Its snapshot lives as long as nothing more is run on the connection."""

    name: str
    start_lsn: int
    snapshot: str
    """What SET TRANSACTION SNAPSHOT takes."""
    made_at: datetime
    connection: psycopg.Connection[Any]


def create_slot(
    route: Route, database: str, name: str, *, wait: float, watcher: Connection, waiting: Callable[[str], None]
) -> HeldSlot:
    """Make a slot and export its snapshot.

    Args:
        wait: seconds after which the wait for other transactions is given up.
        watcher: another session on the source, to see who is waited for.
        waiting: told who is waited for, whenever that changes; may raise to give up. Called twice a second with an
            empty text otherwise.

    Raises:
        MigrationError: the wait was too long; names who was waited for.
        psycopg.Error: the server's refusal.
    """
    connection = psycopg.connect(
        route.conninfo(database),
        autocommit=True,
        replication="database",
        application_name=f"dtsrun slot {name}"[:63],
        options=f"{route.parameters.get('options', '')} {QUIET}".strip(),
        connect_timeout=int(route.parameters.get("connect_timeout", CONNECT_TIMEOUT_SECONDS)),
        keepalives_idle="60",
    )
    try:
        row = _create(connection, name, _Wait(wait, watcher, waiting, connection.info.backend_pid))
    except psycopg.Error:
        connection.close()
        raise
    except BaseException:
        _abandon(connection, name, watcher)
        raise
    return HeldSlot(name, parse_lsn(row["consistent_point"]), row["snapshot_name"], datetime.now(UTC), connection)


def _abandon(connection: psycopg.Connection[Any], name: str, watcher: Connection) -> None:
    """Give up making a slot, and see that none is left.

    A walsender that waits for others does not see that we are gone: it keeps what it has made so far until they have
    ended, and may finish it then for nobody.
    """
    try:
        connection.cancel_safe(timeout=CANCEL_SECONDS)
    except psycopg.Error:
        pass  # it is ended below
    finally:
        connection.close()
    with suppress(psycopg.OperationalError):  # the source is gone; what was to be made is in the journal
        drop_slot(watcher, name)


def is_held(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether the session that holds a snapshot is still there, without running anything on it."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.pgconn.socket, select.POLLIN)
    if not poll.poll(0):
        return True
    try:
        # An idle server speaks only to say good-bye, or that a setting was changed.
        connection.pgconn.consume_input()
    except psycopg.OperationalError:
        return False
    return connection.pgconn.status == psycopg.pq.ConnStatus.OK


def slot_names(connection: Connection, family: str) -> list[str]:
    """Return the names of the slots that begin with a task's family name (see `names.family_name`)."""
    return _names(connection, family, usable=False)


def usable_slot_names(connection: Connection, family: str) -> list[str]:
    """Return the names of those whose WAL is all there (wal_status, from version 13 on)."""
    return _names(connection, family, usable=True)


def _names(connection: Connection, family: str, *, usable: bool) -> list[str]:
    rows = connection.execute(
        "select s.slot_name::text as name from pg_catalog.pg_replication_slots s"
        " where pg_catalog.left(s.slot_name::text, pg_catalog.length(%(start)s)) = %(start)s"
        "   and (not %(usable)s or coalesce(pg_catalog.to_jsonb(s) ->> 'wal_status', '') <> 'lost') order by 1",
        {"start": f"{family}_", "usable": usable},
    ).fetchall()
    return [row.name for row in rows]


def copy_slot(connection: Connection, name: str, copy: str) -> None:
    """Make a second slot that begins exactly where the first one does (from version 12 on)."""
    connection.execute("select pg_catalog.pg_copy_logical_replication_slot(%s, %s)", [name, copy])


def drop_slot(connection: Connection, name: str) -> None:
    """Drop a slot, if it is there. One that is in use is given some time, then its walsender is ended.

    Raises:
        psycopg.Error: the server's refusal.
    """
    deadline = time.monotonic() + FREE_SECONDS
    while row := _slot(connection, name):
        if row.active_pid is not None and time.monotonic() < deadline:
            time.sleep(0.1)
            continue
        if row.active_pid is not None:
            connection.execute("select pg_catalog.pg_terminate_backend(%s)", [row.active_pid])
            deadline = time.monotonic() + FREE_SECONDS
            continue
        try:
            connection.execute("select pg_catalog.pg_drop_replication_slot(%s)", [name])
        except psycopg.errors.ObjectInUse:
            continue  # its consumer came back in between
        except psycopg.errors.UndefinedObject:
            return


def _slot(connection: Connection, name: str) -> Any:
    return connection.execute(
        "select active_pid from pg_catalog.pg_replication_slots where slot_name = %s", [name]
    ).fetchone()


class _Wait:
    """The wait for other transactions, while a slot is made."""

    def __init__(self, seconds: float, watcher: Connection, waiting: Callable[[str], None], pid: int) -> None:
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds
        self._watcher = watcher
        self._waiting = waiting
        self._pid = pid
        self._look_again = time.monotonic() + LOOK_SECONDS / 5
        self._seen = ""

    def tick(self) -> None:
        """Look who is waited for. Raises MigrationError when it was long enough."""
        now = time.monotonic()
        said = ""
        if now > self._look_again or now > self._deadline:
            self._look_again = now + LOOK_SECONDS
            said = self._blockers()
        if now > self._deadline:
            raise MigrationError(
                f"source: the slot could not be made within {self._seconds:.0f} s, since it waits for"
                f" {said or 'transactions that write'}",
                hint="end what is named, or run the same command again when it has ended"
                " (migration.stages.incremental.slot_wait says how long is waited)",
            )
        self._waiting(said if said != self._seen else "")
        self._seen = said or self._seen

    def _blockers(self) -> str:
        query = files(__package__).joinpath("slot_blockers.sql").read_text(encoding="utf-8")
        return "; ".join(row.said for row in self._watcher.execute(query, {"pid": self._pid}).fetchall())


def _create(connection: psycopg.Connection[Any], name: str, wait: _Wait) -> dict[str, str]:
    """Drive libpq by hand: psycopg would wait for the answer without a word."""
    pgconn = connection.pgconn
    # The name is ours: lower case letters, digits and `_`. All versions from 10 on know these words.
    pgconn.send_query(f"CREATE_REPLICATION_SLOT {name} LOGICAL pgoutput EXPORT_SNAPSHOT".encode())
    poll = select.poll()
    poll.register(pgconn.socket, select.POLLIN)
    while True:
        pgconn.flush()
        if poll.poll(TICK_SECONDS * 1000):
            pgconn.consume_input()
        if not pgconn.is_busy():
            break
        wait.tick()
    result = pgconn.get_result()
    while pgconn.get_result() is not None:
        pass
    if result is None or result.status != ExecStatus.TUPLES_OK:
        assert result is not None  # a statement that was sent has a result
        raise error_from_result(result, connection.info.encoding)
    return {
        (result.fname(column) or b"").decode(): (result.get_value(0, column) or b"").decode()
        for column in range(result.nfields)
    }
