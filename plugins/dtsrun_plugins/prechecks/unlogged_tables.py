"""No unlogged tables: their changes cannot be followed."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity


class UnloggedTables(Precheck):
    """No unlogged tables: their changes cannot be followed.

    What it does
    ------------
    Looks for chosen tables that are UNLOGGED.

    Why it matters
    --------------
    What is not written to the WAL cannot be decoded from it: the rows are copied once, and every change after that is
    missing on the target. A publication refuses such a table.

    Spec
    ----
    `prechecks.policy.checks."precheck.unlogged_tables"`; it has no options. `rows: {public.cache: none}` in
    `migration.objects` moves the table without its rows, which is then no finding.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.unlogged_tables  shop.public.cache: table public.cache is unlogged
          fix (source): ALTER TABLE "public"."cache" SET LOGGED;

    Limits
    ------
    SET LOGGED rewrites the table under an exclusive lock.
    Such a table is copied anew at completion, which takes as long as the table is large: hence an alarm. A policy may
    make it fail.
    """

    name = "precheck.unlogged_tables"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every unlogged table whose rows move."""
        for database in context.inventory.databases.values():
            for relation in database.relations.values():
                stays_empty = relation.oid in database.rows and database.rows[relation.oid] is None
                if relation.persistence == "u" and relation.has_rows and not stays_empty:
                    table = sql.Identifier(relation.schema, relation.name)
                    yield Finding(
                        subject=f"{database.name}.{relation.qualified}",
                        message=f"table {relation.qualified} is unlogged",
                        observed="UNLOGGED",
                        expected="LOGGED, or not chosen",
                        fix=Fix(
                            text="make it a logged table, or move it without its rows",
                            sql=(sql.SQL("ALTER TABLE {} SET LOGGED").format(table).as_string(),),
                            side="source",
                        ),
                    )
