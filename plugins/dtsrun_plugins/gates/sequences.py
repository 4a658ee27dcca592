"""Every sequence of the source has its counterpart."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import Database, Finding, Fix, Gate, GateContext, Undetermined
from dtsrun.postgres.identifiers import quoted


class Sequences(Gate):
    """Every sequence of the source has its counterpart.

    What it does
    ------------
    Looks for each sequence of the selection, those of serial and identity columns too, on the target, and whether it
    can be read on the source.

    Why it matters
    --------------
    Sequences are set at the very end, when the source is fenced. One that is missing then is found at the first insert,
    as a duplicate key.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    SELECT on the sequences of the source.

    Example
    -------
        failed  gate.sequences  sequence public.orders_id_seq is not on the target

    Limits
    ------
    Sequences that were made since the copy are a matter of `gate.drift`.
    """

    name = "gate.sequences"
    side = "both"

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield every sequence without a counterpart."""
        for database in context.inventory.databases.values():
            yield from _missing(context, database)
            yield from _unreadable(context, database)


def _missing(context: GateContext, database: Database) -> Iterator[Finding]:
    connection = context.target(database.name)
    if connection is None:
        raise Undetermined(f"database {database.target} is not on the target")
    rows = connection.execute(
        "select w.schema, w.name"
        "  from rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) as w(schema, name)"
        " where not exists (select from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        "                    where n.nspname = w.schema and c.relname = w.name and c.relkind = 'S') order by 1, 2",
        [[s.schema for s in database.sequences], [s.name for s in database.sequences]],
    ).fetchall()
    for row in rows:
        yield Finding(
            subject=f"{database.name}.{row.schema}.{row.name}",
            message=f"sequence {row.schema}.{row.name} is not on the target",
            observed="missing",
            expected="present",
            fix=Fix(text="create it on the target as it is on the source", side="target"),
        )


def _unreadable(context: GateContext, database: Database) -> Iterator[Finding]:
    # A sequence that was dropped since has no row here: that is a drift.
    rows = context.source(database.name).execute(
        "select n.nspname::text as schema, c.relname::text as name from pg_catalog.pg_class c"
        "  join pg_catalog.pg_namespace n on n.oid = c.relnamespace"
        " where c.oid = any (%s::bigint[]::oid[]) and not pg_catalog.has_table_privilege(c.oid, 'select')"
        " order by 1, 2",
        [[s.oid for s in database.sequences]],
    )
    account = context.facts("source").current_user
    for row in rows.fetchall():
        yield Finding(
            subject=f"{database.name}.{row.schema}.{row.name}",
            message=f"{account} may not read sequence {row.schema}.{row.name} of the source",
            observed="no SELECT",
            expected="SELECT",
            fix=Fix(
                text=f"grant select on sequence {quoted(row.schema, row.name)} to {quoted(account)}", side="source"
            ),
        )
