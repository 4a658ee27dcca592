"""Connections with the session settings that dtsrun relies on.

Settings attached to a role or a database (`ALTER ROLE ... SET`) reach our sessions too, and some of them change what
values mean or whether a statement works at all. Every session therefore sets, right after the login, each setting
that matters; what the user attached is moved as an object, never obeyed.
"""

from __future__ import annotations

import functools
import os
import socket
from collections import namedtuple
from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.rows import RowMaker

from dtsrun.api.contexts import Connection
from dtsrun.api.routes import Route

CONNECT_TIMEOUT_SECONDS: Final = 15

LINE: Final[Mapping[str, str]] = {
    "keepalives_idle": "60",
    "keepalives_interval": "10",
    "keepalives_count": "6",
    "tcp_user_timeout": "120000",
}
"""What notices, within two minutes, a line that went dead without a word; the system's own answer takes two hours."""

SETTINGS: Final[Mapping[str, str]] = {
    "search_path": "",
    "client_encoding": "UTF8",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    # From version 12 on any value >= 1 gives the shortest exact form; before, 3 gives enough digits to be exact.
    "extra_float_digits": "3",
    "bytea_output": "hex",
    # Amounts of money are written and read alike on both ends.
    "lc_monetary": "C",
    "xmloption": "content",
    "array_nulls": "on",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "check_function_bodies": "off",
    # A policy that hides rows must raise, never give fewer rows.
    "row_security": "off",
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "default_tablespace": "",
    "statement_timeout": "0",
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "client_min_messages": "warning",
    "session_replication_role": "origin",
    "zero_damaged_pages": "off",
    "synchronize_seqscans": "off",
    # Since 17; ignored elsewhere.
    "transaction_timeout": "0",
    # Since 14.
    "idle_session_timeout": "0",
}
"""Settings of every session."""


FIRST_SETTINGS: Final = "-c search_path= -c statement_timeout=0 -c role=none"
"""What the login itself asks for: under these settings of a role or a database not even our first statement would do
what it says."""


def connect(
    route: Route,
    database: str | None = None,
    *,
    autocommit: bool = True,
    settings: Mapping[str, str] | None = None,
    purpose: str = "",
) -> Connection:
    """Open a connection with the canonical settings.

    Args:
        database: its name on *that* server; None means the maintenance database.
        settings: beside or instead of the canonical ones.
        purpose: shown in application_name after `dtsrun`, at most 50 characters count.

    Raises:
        psycopg.OperationalError: it cannot be reached; `dtsrun.postgres.probe` tells why.
    """
    connection = psycopg.connect(
        make_conninfo(route.conninfo(database), **line_of(route)),
        options=f"{route.parameters.get('options', '')} {FIRST_SETTINGS}".strip(),
        autocommit=True,
        row_factory=named_row,
        application_name=f"dtsrun {purpose}".strip()[:63],
        connect_timeout=int(route.parameters.get("connect_timeout", CONNECT_TIMEOUT_SECONDS)),
        client_encoding="UTF8",
        prepare_threshold=None,
    )
    try:
        apply_settings(connection, {**SETTINGS, **_line_of_server(route), **(settings or {})})
    except BaseException:
        connection.close()
        raise
    connection.autocommit = autocommit
    return connection


def line_of(route: Route) -> Mapping[str, str]:
    """Return the parameters of `LINE` that a route leaves open; what a service of libpq says stays its own affair."""
    if "service" in route.parameters:
        return {}
    return {name: value for name, value in LINE.items() if name not in route.parameters}


def _line_of_server(route: Route) -> Mapping[str, str]:
    """Return the settings by which the server notices that we are gone, as soon as we notice that it is: what a session
    without its client holds (locks, a snapshot, the row that two want to write) would stand in the next one's way."""
    known = {**LINE, **route.parameters}
    return {f"tcp_{name.removeprefix('tcp_')}": known[name] for name in LINE}


def named_row(cursor: psycopg.Cursor[Any]) -> RowMaker[Any]:
    """Make rows whose columns are attributes, whatever the columns are called.

    A name that Python cannot have (`class`, one that comes twice, letters beyond ASCII) becomes the column's number:
    `_0`.
    """
    # Python takes two spellings of one letter (composed or not) for one name.
    names = [column.name if column.name.isascii() else "" for column in cursor.description or ()]
    make: RowMaker[Any] = _row_class(tuple(names))._make
    return make


@functools.lru_cache(maxsize=1024)
def _row_class(names: tuple[str, ...]) -> Any:
    return namedtuple("Row", names, rename=True)


def apply_settings(connection: Connection, settings: Mapping[str, str]) -> None:
    """Set those of the settings that the server knows, in one round trip, each only if it has another value.

    Some of them (`session_replication_role`, `zero_damaged_pages`) take a privilege to be set, hence the comparison.
    Others may be set once more, since numbers are shown with their units. The view pg_settings would do as well, but
    it gathers all there are: in a new session that takes longer than the login.
    """
    connection.execute(
        "select pg_catalog.set_config(w.name, w.value, false)"
        "  from rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) as w(name, value)"
        # Null, and so left out, for a setting that the server does not know.
        " where pg_catalog.current_setting(w.name, true) operator(pg_catalog.<>) w.value",
        [list(settings), list(settings.values())],
    )


def runner_name() -> str:
    """Return what names this runner to others: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
