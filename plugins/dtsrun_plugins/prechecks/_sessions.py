"""Sessions that checks open beside the shared ones, and what an account sees of those of others."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from dtsrun.api import CheckContext, Connection, Side, Undetermined
from dtsrun.postgres.identifiers import quoted
from dtsrun.postgres.session import named_row


def session(context: CheckContext, side: Side, database: str | None = None) -> Connection:
    """Return the shared session of a side; the maintenance database of the target always exists."""
    connection = context.source(database) if side == "source" else context.target(database)
    assert connection is not None
    return connection


def another(connection: Connection, **parameters: Any) -> Connection:
    """Open one more session to where a connection leads, by the same account; the caller closes it.

    Args:
        parameters: libpq's, instead of those of the connection, e.g. `replication="database"`.
    """
    info = connection.info
    conninfo = make_conninfo(info.dsn, **{"password": info.password or None, **parameters})
    return psycopg.connect(conninfo, autocommit=True, row_factory=named_row, prepare_threshold=None)


def setting(context: CheckContext, side: Side, name: str) -> str:
    """Return a server setting as new sessions have it, in the unit of pg_settings. Raises Undetermined."""
    settings = context.facts(side).settings
    if name not in settings:
        raise Undetermined(f"the {side} does not show its setting {name} to {context.facts(side).current_user}")
    return settings[name]


def must_see_all(connection: Connection) -> None:
    """Make sure that the account sees what others do. Raises Undetermined."""
    row = connection.execute(
        "select current_user::text as account, pg_catalog.pg_has_role('pg_read_all_stats', 'usage') as sees"
    ).fetchone()
    if row is None or not row.sees:
        account = row.account if row else "the account"
        raise Undetermined(
            f"{account} does not see other accounts' sessions: grant pg_read_all_stats to {quoted(account)}"
        )
