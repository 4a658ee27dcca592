"""Whether an account sees what other sessions do; where it does not, the views show nulls as if there were nothing."""

from __future__ import annotations

from typing import Final

from dtsrun.api import Connection, Undetermined
from dtsrun.postgres.identifiers import quoted

PRIVILEGE: Final = "pg_read_all_stats"


def refuse_blindness(connection: Connection, what: str) -> None:
    """Do nothing where the account sees the statistics of all sessions.

    Args:
        what: that it could not see else, `the lag of standbys`.

    Raises:
        Undetermined: it does not; names the grant that is missing.
    """
    row = connection.execute(
        "select pg_catalog.pg_has_role(%s, 'usage') as sees, current_user::text as account", [PRIVILEGE]
    ).fetchone()
    if row is None or not row.sees:
        account = row.account if row else "the account"
        raise Undetermined(f"{account} may not see {what}: grant pg_monitor to {quoted(account)}")
