"""The source account may read all that is to be moved."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from psycopg import sql

from dtsrun.api import CheckContext, Connection, Finding, Fix, Precheck


class SourcePermission(Precheck):
    """The source account may read all that is to be moved.

    What it does
    ------------
    Asks the source, in one query for each database, whether the account has CONNECT on the database, USAGE on the
    schemas, SELECT on the tables and sequences and on the large objects, and whether row-level security would hide
    rows from it.

    Why it matters
    --------------
    A missing right ends the copy of a table in the middle of the night. A row-level policy is worse: it hides rows
    without an error (dtsrun reads with `row_security = off`, so it would fail instead of losing them).

    Spec
    ----
    `prechecks.policy.checks."precheck.source_permission"`; it has no options.

    Needs
    -----
    CONNECT on the chosen databases. All versions.

    Example
    -------
        failed  precheck.source_permission  shop.sales.orders: migrator has no SELECT on table sales.orders
          fix (source): GRANT SELECT ON TABLE "sales"."orders" TO "migrator";

    Limits
    ------
    SELECT is asked for on every table of a chosen database, also where only some are chosen: pg_dump, which reads the
    definitions, locks them all. Rights that only the definition needs (reading a function's source, say) are
    everybody's in PostgreSQL.
    """

    name = "precheck.source_permission"
    side = "source"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every right that is missing, with the GRANT that gives it."""
        facts = context.facts("source")
        if facts.is_superuser:
            return
        for database in _databases(context):
            for row in _lacking(context.source(database), _moves_large_objects(context, database)):
                yield _finding(database, facts.current_user, row)


def _databases(context: CheckContext) -> list[str]:
    """Return what is chosen, asked of the catalog: without these rights no inventory can be read."""
    if not context.spec.selection.entire_instance:
        return list(context.spec.selection.databases)
    rows = context.source().execute(
        "select datname from pg_catalog.pg_database where datallowconn and datname not in ('template0', 'template1')"
    )
    return [row.datname for row in rows]


def _moves_large_objects(context: CheckContext, database: str) -> bool:
    chosen = context.spec.selection.databases.get(database)
    return chosen is None or not chosen.include


def _lacking(connection: Connection, large_objects: bool) -> list[Any]:
    query = files(__package__).joinpath("source_permission.sql").read_text()
    return connection.execute(query, {"large_objects": large_objects}).fetchall()


def _finding(database: str, account: str, row: Any) -> Finding:
    fix = None
    if row.privilege == "row security":
        message = f"row-level security of {row.name} hides rows from {account}"
        statement = sql.SQL("ALTER ROLE {} BYPASSRLS").format(sql.Identifier(account))
        fix = Fix(text="let the account see all rows", sql=(statement.as_string(),), side="source")
    else:
        message = f"{account} has no {row.privilege} on {row.kind.lower()} {row.name}"
        statement = sql.SQL("GRANT {} ON {} {} TO {}").format(
            sql.SQL(row.privilege), sql.SQL(row.kind), sql.SQL(row.quoted), sql.Identifier(account)
        )
        fix = Fix(text=f"grant {row.privilege}", sql=(statement.as_string(),), side="source")
    return Finding(
        subject=f"{database}.{row.name}",
        message=message,
        observed="missing",
        expected=row.privilege,
        fix=fix,
    )
