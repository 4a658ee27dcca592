"""No sequence is about to run out of values."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity, Undetermined


class SequenceExhaustion(Precheck):
    """No sequence is about to run out of values.

    What it does
    ------------
    Compares where each chosen sequence stands with its own bound and with that of the column that it feeds: a `bigint`
    sequence over an `integer` column ends at 2147483647. Sequences that cycle are left out.

    Why it matters
    --------------
    When the last value is given away, every insert fails. The move is the cheapest moment to widen a column: the table
    is written anew, and the target has no users yet.

    Spec
    ----
    `prechecks.policy.checks."precheck.sequence_exhaustion".options`: `share` (0.9): how much may be used up.

    Needs
    -----
    SELECT or USAGE on the sequences of the source.

    Example
    -------
        alarm  precheck.sequence_exhaustion  sequence public.orders_id_seq has used up 97 % of its values

    Limits
    ------
    How fast values are taken is not measured.
    """

    name = "precheck.sequence_exhaustion"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    options = {
        "properties": {
            "share": {
                "type": "number",
                "exclusiveMinimum": 0,
                "maximum": 1,
                "default": 0.9,
                "description": "share of the values that may be used up",
            }
        }
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every sequence that has used up more than its share."""
        query = files(__package__).joinpath("sequence_exhaustion.sql").read_text()
        for database in context.inventory.databases.values():
            chosen = {"sequences": [sequence.oid for sequence in database.sequences]}
            rows = context.source(database.name).execute(query.encode(), chosen).fetchall()
            hidden = [f"{row.schema}.{row.name}" for row in rows if not row.is_readable]
            if hidden:
                raise Undetermined(f"no SELECT on sequence {database.name}.{hidden[0]} ({len(hidden)} in all)")
            for row in rows:
                if not row.cycles and _share(row) > context.options["share"]:
                    yield _finding(database.name, row)


def _share(row: Any) -> float:
    last = row.start if row.last_value is None else row.last_value
    way: int = abs(row.bound - row.start)
    # One of a single value counts as used up once that is given away.
    return abs(last - row.start) / way if way else float(row.last_value is not None)


def _finding(database: str, row: Any) -> Finding:
    name = f"{row.schema}.{row.name}"
    feeds = f" (column {row.column} of {row.relation})" if row.column else ""
    # As a whole number, rounded down: 100 % is said of none that has values left.
    statement = sql.SQL("ALTER SEQUENCE {} AS bigint NO MAXVALUE NO MINVALUE").format(
        sql.Identifier(row.schema, row.name)
    )
    return Finding(
        subject=f"{database}.{name}",
        message=f"sequence {name} has used up {int(_share(row) * 100)} % of its values{feeds}",
        observed=str(row.last_value),
        expected=f"far from {row.bound}",
        fix=Fix(
            text="give the sequence, and the column that it feeds, the type bigint",
            sql=(statement.as_string(),),
            side="source",
        ),
    )
