"""The collations of the source are those that its indexes were built with."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, SkipCheck


class CollationVersion(Precheck):
    """The collations of the source are those that its indexes were built with.

    What it does
    ------------
    Compares the recorded version of each chosen database with the one that its operating system has now.

    Why it matters
    --------------
    After an upgrade of the operating system texts sort in another order than in the indexes: these miss rows and let
    duplicates into unique columns. On the target the indexes are built anew, and such duplicates fail there.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login. Source of version 15 or later.

    Example
    -------
        alarm  precheck.collation_version  database shop was made with version 2.31 of its collation, and has 2.36 now

    Limits
    ------
    Collations of single columns have versions of their own, which are not looked at.
    """

    name = "precheck.collation_version"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every database whose collation changed under it."""
        if context.facts("source").major < 15:
            raise SkipCheck("servers before version 15 do not record the version of a database's collation")
        rows = context.source().execute(
            "select datname::text as name, datcollversion as recorded,"
            " pg_catalog.pg_database_collation_actual_version(oid) as actual"
            "  from pg_catalog.pg_database where datname = any (%s)"
            "   and datcollversion <> pg_catalog.pg_database_collation_actual_version(oid) order by 1",
            [list(context.inventory.databases)],
        )
        for row in rows.fetchall():
            name = sql.Identifier(row.name)
            statements = ("REINDEX DATABASE {}", "ALTER DATABASE {} REFRESH COLLATION VERSION")
            yield Finding(
                subject=row.name,
                message=f"database {row.name} was made with version {row.recorded} of its collation,"
                f" and has {row.actual} now",
                observed=row.actual,
                expected=row.recorded,
                fix=Fix(
                    text="rebuild the indexes over texts, then record the version",
                    sql=tuple(sql.SQL(statement).format(name).as_string() for statement in statements),
                    side="source",
                ),
            )
