"""The source has no database that can no longer be used."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity
from dtsrun_plugins.prechecks._sessions import session


class InvalidDatabases(Precheck):
    """The source has no database that can no longer be used.

    What it does
    ------------
    Looks on the source for databases in which a DROP DATABASE was broken off, and for chosen ones that take no
    connections.

    Why it matters
    --------------
    Such a database cannot be read any more, so it is left out of the migration. Somebody should know of it before,
    not after.

    Spec
    ----
    `prechecks.policy.checks."precheck.invalid_databases"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.invalid_databases  database old is what a broken DROP DATABASE left
          fix (source): DROP DATABASE "old"

    Limits
    ------
    Versions before the minor releases of August 2023 do not mark such databases.
    """

    name = "precheck.invalid_databases"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such database."""
        selection = context.spec.selection
        rows = (
            session(context, "source")
            .execute(
                "select datname::text as name, datconnlimit = -2 as is_invalid from pg_catalog.pg_database"
                " where datconnlimit = -2 or not datallowconn and datname <> 'template0'"
            )
            .fetchall()
        )
        for row in rows:
            if selection.entire_instance or row.name in selection.databases:
                yield _finding(row.name, row.is_invalid)


def _finding(name: str, is_invalid: bool) -> Finding:
    statement = "DROP DATABASE {}" if is_invalid else "ALTER DATABASE {} ALLOW_CONNECTIONS true"
    return Finding(
        subject=f"database {name}",
        message=f"database {name} " + ("is what a broken DROP DATABASE left" if is_invalid else "takes no connections"),
        observed="invalid" if is_invalid else "no connections",
        expected="a database that can be read",
        fix=Fix(
            text="drop it" if is_invalid else "open it, or leave it out",
            sql=(sql.SQL(statement).format(sql.Identifier(name)).as_string(),),
            side="source",
        ),
    )
