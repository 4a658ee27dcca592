"""Every reference to a large object leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psycopg import sql

from dtsrun.api import CheckContext, Connection, Database, Finding, Fix, MigrationType, Precheck, Severity


class LargeObjectMissing(Precheck):
    """Every reference to a large object leads somewhere.

    What it does
    ------------
    Looks in the columns of type `lo` (extension lo) of the chosen tables for numbers of large objects that the source
    does not have.

    Why it matters
    --------------
    A row whose document is gone reads as data loss after the move; it was lost before.

    Spec
    ----
    `prechecks.policy.checks."precheck.large_object_missing"`; it has no options.

    Needs
    -----
    SELECT on the tables that have such columns; they are read in full.

    Example
    -------
        alarm  precheck.large_object_missing  3 rows of public.invoices name a large object in scan that does not exist

    Limits
    ------
    Columns of type `oid` are not looked at: their numbers may be those of anything.
    """

    name = "precheck.large_object_missing"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each column with numbers that lead nowhere."""
        for database in context.inventory.databases.values():
            columns = _columns(database)
            if columns:
                yield from _dangling(context.source(database.name), database.name, columns)


def _columns(database: Database) -> list[tuple[str, str, str]]:
    return sorted(
        (relation.schema, relation.name, column.name)
        for relation in database.relations.values()
        for column in relation.columns
        if relation.has_rows and column.type.rpartition(".")[2] == "lo"
    )


def _dangling(connection: Connection, database: str, columns: list[tuple[str, str, str]]) -> Iterator[Finding]:
    select = sql.SQL(
        "select {number} as number, count(*) as count, min(t.{column}::oid)::bigint as first from only {table} t"
        " where t.{column} is not null"
        " and not exists (select from pg_catalog.pg_largeobject_metadata m where m.oid = t.{column}::oid)"
    )
    parts = [
        select.format(number=sql.Literal(n), column=sql.Identifier(column), table=sql.Identifier(schema, table))
        for n, (schema, table, column) in enumerate(columns)
    ]
    for row in connection.execute(sql.SQL(" union all ").join(parts)).fetchall():
        if row.count:
            yield _finding(database, columns[row.number], row)


def _finding(database: str, place: tuple[str, str, str], row: Any) -> Finding:
    schema, table, column = place
    statement = sql.SQL(
        "SELECT * FROM {table} WHERE NOT EXISTS"
        " (SELECT FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid = {column}::oid)"
    ).format(table=sql.Identifier(schema, table), column=sql.Identifier(column))
    return Finding(
        subject=f"{database}.{schema}.{table}",
        message=f"{row.count} rows of {schema}.{table} name a large object in {column} that does not exist",
        observed=f"{row.count} rows, the first names {row.first}",
        expected="large objects that exist",
        fix=Fix(text="look at the rows; they move as they are", sql=(statement.as_string(),), side="source"),
    )
