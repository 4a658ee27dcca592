"""The indexes of the target are valid."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity


class TargetIndexesValid(Precheck):
    """The indexes of the target are valid.

    What it does
    ------------
    Lists invalid indexes of databases that exist on the target already.

    Why it matters
    --------------
    An index that was broken off takes its name and is kept up at every write, but no query uses it; a unique one guards
    nothing.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        alarm  precheck.target_indexes_valid  index public.orders_date is invalid on the target

    Limits
    ------
    Indexes of partitioned tables are left out: they are invalid until each partition has its own.
    """

    name = "precheck.target_indexes_valid"
    side = "target"
    severity = Severity.ALARM
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every index that is not whole."""
        for database in context.inventory.databases.values():
            connection = context.target(database.name)
            if connection is None:
                continue
            rows = connection.execute(
                "select n.nspname as schema, c.relname as name from pg_catalog.pg_index i"
                "  join pg_catalog.pg_class c on c.oid = i.indexrelid"
                "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
                " where c.relkind = 'i' and not (i.indisvalid and i.indisready)"
                "   and n.nspname not in ('pg_catalog', 'pg_toast') order by 1, 2"
            )
            for row in rows.fetchall():
                statement = sql.SQL("REINDEX INDEX {}").format(sql.Identifier(row.schema, row.name)).as_string()
                yield Finding(
                    subject=f"{database.name}.{row.schema}.{row.name}",
                    message=f"index {row.schema}.{row.name} is invalid on the target",
                    observed="invalid",
                    expected="valid",
                    fix=Fix(text="build it anew, or drop it", sql=(statement,), side="target"),
                )
