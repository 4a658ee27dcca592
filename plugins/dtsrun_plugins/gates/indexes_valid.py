"""Every index of the source is on the target, and valid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from psycopg import sql

from dtsrun.api import Database, Entry, Finding, Fix, Gate, GateContext, Severity, Undetermined

_CONSTRAINT: Final = re.compile(r'ADD CONSTRAINT ("(?:[^"]|"")+"|[^\s"]+) (?:PRIMARY KEY|UNIQUE|EXCLUDE)\b')
"""Has an index of its own, by its own name."""


class IndexesValid(Gate):
    """Every index of the source is on the target, and valid.

    What it does
    ------------
    Looks for each index of the plan on the target, those of primary keys, unique and exclusion constraints too: whether
    it is there, valid and ready.

    Why it matters
    --------------
    A query that takes a millisecond by its index takes minutes without it, and a unique index that is not valid guards
    nothing.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        failed  gate.indexes_valid  index public.orders_date is invalid on the target
          fix: REINDEX INDEX public.orders_date

    Limits
    ------
    How an index is defined is compared by the verification of definitions.
    """

    name = "gate.indexes_valid"
    side = "target"

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield every index that is missing or not whole."""
        for database in context.inventory.databases.values():
            yield from _wrong(context, database)


def _wrong(context: GateContext, database: Database) -> Iterator[Finding]:
    connection = context.target(database.name)
    if connection is None:
        raise Undetermined(f"database {database.target} is not on the target")
    statements = {
        (entry.schema, name): entry.sql.strip()
        for entry in database.entries.values()
        if (name := _index_of(entry)) is not None
    }
    rows = connection.execute(
        "select w.schema, w.name, i.indexrelid is not null as is_there, coalesce(i.indisvalid and i.indisready, false)"
        "       as is_whole"
        "  from rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) as w(schema, name)"
        "  left join pg_catalog.pg_namespace n on n.nspname = w.schema"
        "  left join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name"
        "  left join pg_catalog.pg_index i on i.indexrelid = c.oid"
        " where i.indexrelid is null or not (i.indisvalid and i.indisready) order by 1, 2",
        [[schema for schema, _ in statements], [name for _, name in statements]],
    ).fetchall()
    for row in rows:
        rebuild = sql.SQL("REINDEX INDEX {}").format(sql.Identifier(row.schema, row.name)).as_string(connection)
        what = "invalid" if row.is_there else "missing"
        yield Finding(
            subject=f"{database.name}.{row.schema}.{row.name}",
            message=f"index {row.schema}.{row.name} is {what} on the target",
            observed=what,
            expected="valid",
            # A table that the target had already, and keeps, has the indexes that it has.
            severity=Severity.ALARM if context.spec.on_conflict == "skip" else None,
            fix=Fix(
                text="build it",
                sql=(rebuild if row.is_there else statements[row.schema, row.name],),
                side="target",
            ),
        )


def _index_of(entry: Entry) -> str | None:
    """Return the name of the index that a definition makes; None where it makes none."""
    if entry.type == "INDEX":
        return entry.name
    found = _CONSTRAINT.search(entry.sql) if entry.type == "CONSTRAINT" else None
    if found is None:
        return None
    name = found[1]
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
