"""No sequence is behind the column that it feeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib.resources import files
from typing import Any, Final

from psycopg import sql

from dtsrun.api import CheckContext, Connection, Database, Finding, Fix, MigrationType, Precheck, Severity
from dtsrun_plugins.prechecks._catalog import oids_text

TOGETHER: Final = 200
"""Columns looked at in one query."""


class SequenceBehindData(Precheck):
    """No sequence is behind the column that it feeds.

    What it does
    ------------
    Compares the last value of each chosen sequence with the highest value (the lowest, where it counts down) of the
    columns that it owns or whose default it is.

    Why it matters
    --------------
    Sequences are carried as they stand. One that is behind its column gives a value that is there already: duplicate
    keys at the first inserts, and everybody will say that the migration did it.

    Spec
    ----
    `prechecks.policy.checks."precheck.sequence_behind_data"`; it has no options.

    Needs
    -----
    SELECT on the sequences and their tables.

    Example
    -------
        alarm  precheck.sequence_behind_data  sequence public.orders_id_seq is at 17, and public.orders.id reaches 4031
          fix (source): SELECT pg_catalog.setval('"public"."orders_id_seq"', 4031)

    Limits
    ------
    A large table without a btree index that begins with the column is left out: it would have to be read in full.
    """

    name = "precheck.sequence_behind_data"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every sequence that is behind."""
        for database in context.inventory.databases.values():
            connection = context.source(database.name)
            fed = _fed(connection, database)
            for start in range(0, len(fed), TOGETHER):
                yield from _behind(connection, database.name, fed[start : start + TOGETHER])


def _fed(connection: Connection, database: Database) -> list[Any]:
    query = files(__package__).joinpath("sequence_behind_data.sql").read_text()
    chosen = {"sequences": [s.oid for s in database.sequences], "relations": oids_text(database.relations)}
    return connection.execute(query.encode(), chosen).fetchall()


def _behind(connection: Connection, database: str, fed: Sequence[Any]) -> Iterator[Finding]:
    select = sql.SQL("select {} as number, {}({})::bigint as reached from {}")
    parts = [
        select.format(
            sql.Literal(number),
            sql.SQL("max" if row.increment > 0 else "min"),
            sql.Identifier(row.column),
            sql.Identifier(row.table_schema, row.table_name),
        )
        for number, row in enumerate(fed)
    ]
    for found in connection.execute(sql.SQL(" union all ").join(parts)).fetchall():
        row = fed[found.number]
        ahead = found.reached is not None and (found.reached - row.last_value) * row.increment > 0
        if ahead:
            yield _finding(database, row, found.reached)


def _finding(database: str, row: Any, reached: int) -> Finding:
    name = f"{row.schema}.{row.name}"
    column = f"{row.table_schema}.{row.table_name}.{row.column}"
    quoted = sql.Identifier(row.schema, row.name).as_string()
    statement = sql.SQL("SELECT pg_catalog.setval({}, {})").format(sql.Literal(quoted), sql.Literal(reached))
    return Finding(
        subject=f"{database}.{name}",
        message=f"sequence {name} is at {row.last_value}, and {column} reaches {reached}",
        observed=str(row.last_value),
        expected=f"{reached} or beyond",
        fix=Fix(text="set the sequence to what its column reaches", sql=(statement.as_string(),), side="source"),
    )
