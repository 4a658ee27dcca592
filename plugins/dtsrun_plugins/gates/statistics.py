"""Tables with rows have statistics on the target."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import Database, Finding, Fix, Gate, GateContext, Severity, Undetermined


class Statistics(Gate):
    """Tables with rows have statistics on the target.

    What it does
    ------------
    Lists tables and materialized views of the target that hold rows and were never analyzed.

    Why it matters
    --------------
    Without statistics the planner guesses: the first minutes after the cutover bring sequential scans and nested loops
    over millions of rows.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing beyond a login on the target.

    Example
    -------
        failed  gate.statistics  public.orders holds rows and has no statistics
          fix: ANALYZE public.orders

    Limits
    ------
    That statistics are there does not mean that they are new: what changed much while it was followed is analyzed by
    the target's autovacuum.
    """

    name = "gate.statistics"
    side = "target"
    severity = Severity.ALARM

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield every table without statistics."""
        for database in context.inventory.databases.values():
            yield from _without(context, database)


def _without(context: GateContext, database: Database) -> Iterator[Finding]:
    connection = context.target(database.name)
    if connection is None:
        raise Undetermined(f"database {database.target} is not on the target")
    wanted = [relation for relation in database.relations.values() if relation.relkind in "rm" and relation.columns]
    rows = connection.execute(
        "select n.nspname::text as schema, c.relname::text as name from pg_catalog.pg_class c"
        "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        "  join rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) as w(schema, name)"
        "    on w.schema = n.nspname and w.name = c.relname"
        "  left join pg_catalog.pg_stat_all_tables s on s.relid = c.oid"
        " where c.relkind in ('r', 'm') and pg_catalog.pg_relation_size(c.oid) > 0"
        # Counters go with a crash of the server, the statistics do not.
        "   and s.last_analyze is null and s.last_autoanalyze is null"
        "   and not exists (select from pg_catalog.pg_stats p"
        "                    where p.schemaname = n.nspname and p.tablename = c.relname)"
        " order by 1, 2",
        [[relation.schema for relation in wanted], [relation.name for relation in wanted]],
    ).fetchall()
    for row in rows:
        statement = sql.SQL("ANALYZE {}").format(sql.Identifier(row.schema, row.name)).as_string(connection)
        yield Finding(
            subject=f"{database.name}.{row.schema}.{row.name}",
            message=f"{row.schema}.{row.name} holds rows and has no statistics",
            observed="no statistics",
            expected="analyzed",
            fix=Fix(text="analyze it", sql=(statement,), side="target"),
        )
