"""Tables that are left as they are on the target have the source's columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dtsrun.api import CheckContext, Column, Connection, Finding, Fix, Precheck, Relation, SkipCheck


class ColumnParity(Precheck):
    """Tables that are left as they are on the target have the source's columns.

    What it does
    ------------
    With `migration.on_conflict: skip`, compares the columns of tables that exist on both ends: names, types, and
    columns of the target that must have a value and get none.

    Why it matters
    --------------
    What is built on such a table (views, foreign keys, indexes) is made for the source's columns and cannot be created
    over others; nor do the source's rows or changes fit.

    Spec
    ----
    `prechecks.policy.checks."precheck.column_parity"`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends. All versions.

    Example
    -------
        failed  precheck.column_parity  shop.public.orders: column total of public.orders is numeric(12,2) on the
          source and integer on the target

    Limits
    ------
    Defaults, constraints and the order of columns are not compared here; `dtsrun verify` does.
    """

    name = "precheck.column_parity"
    side = "both"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every column that differs."""
        if context.spec.on_conflict != "skip":
            raise SkipCheck("no table of the target is left as it is")
        for database in context.inventory.databases.values():
            connection = context.target(database.name)
            tables = {r.qualified: r for r in database.relations.values() if r.relkind in ("r", "p")}
            for name, columns in _columns(connection, list(tables)).items() if connection else ():
                for message, observed, expected in _differences(tables[name], columns):
                    yield Finding(
                        subject=f"{database.name}.{name}",
                        message=message,
                        observed=observed,
                        expected=expected,
                        fix=Fix(text="change the target's table, or choose on_conflict: drop", side="target"),
                    )


def _columns(connection: Connection, tables: list[str]) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        "select n.nspname || '.' || c.relname as relation, a.attname as name,"
        "       pg_catalog.format_type(a.atttypid, a.atttypmod) as type,"
        "       a.attnotnull and not a.atthasdef and a.attidentity = '' as is_required"
        "  from pg_catalog.pg_attribute a"
        "  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')"
        "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname || '.' || c.relname = any (%s) and a.attnum > 0 and not a.attisdropped"
        " order by c.oid, a.attnum",
        [tables],
    )
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(row.relation, {})[row.name] = row
    return found


def _differences(relation: Relation, columns: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    own: dict[str, Column] = {column.name: column for column in relation.columns}
    for name, column in own.items():
        there = columns.get(name)
        if there is None:
            yield f"column {name} of {relation.qualified} is missing on the target", "missing", column.type
        elif there.type != column.type:
            message = (
                f"column {name} of {relation.qualified} is {column.type} on the source and {there.type} on the target"
            )
            yield message, there.type, column.type
    for name, there in columns.items():
        if name not in own and there.is_required:
            message = f"column {name} of {relation.qualified} is only on the target, and must have a value"
            yield message, f"{there.type} not null", "a default, or nulls allowed"
