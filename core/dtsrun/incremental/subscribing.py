"""What makes the target's server log in to the source's: conninfo and statements that hold a password."""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from dtsrun.api import Connection, Route

QUIET: Final = {
    "log_statement": "none",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "log_min_error_statement": "panic",
    "pg_stat_statements.track_utility": "off",
}
"""Settings under which a statement leaves no trace on its server, where we may set them."""

PROBE: Final = "dtsrun_probe"


def peer_conninfo(source: Route, database: str) -> str | None:
    """Return how the target's server reaches a database of the source, None where it cannot."""
    if source.peer is None:
        return None
    parameters = {key: value for key, value in source.peer.items() if key != "dbname"}
    return make_conninfo("", **parameters, dbname=database)


def run_without_trace(connection: Connection, statement: sql.Composed) -> None:
    """Run a statement that holds a password, so that it stays neither in the statistics nor, where we may say so, in
    the log."""
    with connection.transaction():
        for setting in QUIET:
            _silence(connection, setting)
        connection.execute(statement)
    # pg_stat_activity shows a session's last statement.
    connection.execute("select 1")


def probe_login(target: Connection, conninfo: str) -> None:
    """Let the target's server log in to the source's, and leave nothing behind.

    A subscription is made in a transaction that is rolled back: making it, the server connects and asks for the tables
    of its publications. It has neither slot nor worker.

    Raises:
        psycopg.Error: it could not, or the account may not make a subscription; the message is the server's.
    """
    statement = sql.SQL(
        "create subscription {name} connection {conninfo} publication {name}"
        " with (create_slot = false, slot_name = none, enabled = false, copy_data = false)"
    ).format(name=sql.Identifier(PROBE), conninfo=sql.Literal(conninfo))
    with target.transaction(force_rollback=True):
        target.execute("set local transaction read write")
        for setting in QUIET:
            _silence(target, setting)
        # The server warns that there is no such publication on the source.
        target.execute("set local client_min_messages = error")
        target.execute(statement)


def _silence(connection: Connection, setting: str) -> None:
    try:
        with connection.transaction():
            connection.execute(
                "select pg_catalog.set_config(name, %s, true) from pg_catalog.pg_settings where name = %s",
                [QUIET[setting], setting],
            )
    except psycopg.errors.InsufficientPrivilege:
        return  # the engine's page says that the log may hold the password then
