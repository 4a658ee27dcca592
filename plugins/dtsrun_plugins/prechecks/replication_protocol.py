"""The source lets a replication session in."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun.postgres.sqlstate import describe
from dtsrun_plugins.prechecks._sessions import another


class ReplicationProtocol(Precheck):
    """The source lets a replication session in.

    What it does
    ------------
    Opens a session of the replication protocol for each chosen database, from this machine and by the account in
    use, and lets the server identify itself.

    Why it matters
    --------------
    Replication has its own rules in pg_hba.conf, and many proxies do not speak its protocol. A normal login says
    nothing about it.

    Spec
    ----
    `prechecks.policy.checks."precheck.replication_protocol"`; it has no options.

    Needs
    -----
    REPLICATION, and a free WAL sender. All versions.

    Example
    -------
        failed  precheck.replication_protocol  shop: no pg_hba.conf entry for replication connection
          fix (source, reload): a line in pg_hba.conf

    Limits
    ------
    The stream itself comes from the target, whose address may be treated otherwise.
    """

    name = "precheck.replication_protocol"
    side = "source"
    requires = ("precheck.connect", "precheck.replication_attribute")
    types = frozenset({MigrationType.FULL_INCREMENTAL})

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every database whose replication session is refused."""
        for database in context.inventory.databases:
            try:
                with another(context.source(database), replication="database") as connection:
                    connection.execute("IDENTIFY_SYSTEM")
            except psycopg.Error as error:
                yield _finding(database, context.facts("source").current_user, describe(error))


def _finding(database: str, account: str, reason: str) -> Finding:
    return Finding(
        subject=f"database {database}",
        message=f"{database}: {reason}",
        observed="refused",
        expected="a replication session",
        fix=Fix(
            text=f"let {account} in for database {database} in pg_hba.conf, from this machine and from the target,"
            " and name the server itself instead of a proxy",
            sql=("SELECT pg_catalog.pg_reload_conf()",),
            side="source",
            takes_effect="reload",
        ),
    )
