"""A database that exists on the target can hold the texts of the source."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Database, Finding, Fix, Precheck, Severity


class DatabaseEncoding(Precheck):
    """A database that exists on the target can hold the texts of the source.

    What it does
    ------------
    Compares the encodings of the chosen databases with those of their counterparts, where these exist already.

    Why it matters
    --------------
    Into another encoding than UTF8 not every character fits, and SQL_ASCII is none at all: its bytes may be anything,
    and are refused where they are not valid.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        failed  precheck.database_encoding  database shop has encoding LATIN1 on the target, and UTF8 on the source

    Limits
    ------
    A database that the target does not have is created with the encoding of the source.
    """

    name = "precheck.database_encoding"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every pair that does not fit."""
        for database in context.inventory.databases.values():
            connection = context.target(database.name)
            if connection is None:
                continue
            row = connection.execute("select pg_catalog.getdatabaseencoding()::text as encoding").fetchone()
            assert row is not None
            if row.encoding not in (database.encoding, "UTF8"):
                yield _finding(database, row.encoding, Severity.FAIL)
            elif row.encoding != database.encoding == "SQL_ASCII":
                yield _finding(database, row.encoding, Severity.ALARM)


def _finding(database: Database, theirs: str, severity: Severity) -> Finding:
    statement = sql.SQL("DROP DATABASE {}").format(sql.Identifier(database.target)).as_string()
    return Finding(
        subject=database.name,
        message=f"database {database.target} has encoding {theirs} on the target,"
        f" and {database.encoding} on the source",
        observed=theirs,
        expected=database.encoding,
        fix=Fix(
            text="drop it, if nobody needs it, so that it is created anew, or choose another target name",
            sql=(statement,),
            side="target",
        ),
        severity=severity,
    )
