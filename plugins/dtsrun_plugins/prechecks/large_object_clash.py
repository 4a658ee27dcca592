"""The target has no large objects of the same numbers."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Database, Finding, Fix, MigrationType, Precheck, Severity


class LargeObjectClash(Precheck):
    """The target has no large objects of the same numbers.

    What it does
    ------------
    Compares the numbers (OIDs) of the large objects of both ends.

    Why it matters
    --------------
    Rows refer to large objects by number, so the numbers are kept. A number that the target has given away already
    belongs to another document there: it cannot be written, or is written over.

    Spec
    ----
    `migration.on_conflict`: with `skip` or `drop` a double is an alarm; `skip` keeps the target's, `drop` replaces it.

    Needs
    -----
    Nothing beyond a login on both ends.

    Example
    -------
        failed  precheck.large_object_clash  shop: the target has 2 large objects of the same numbers, e.g. 16402

    Limits
    ------
    Contents are not compared.
    """

    name = "precheck.large_object_clash"
    side = "target"
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each database with doubles."""
        for database in context.inventory.databases.values():
            doubles = _doubles(context, database) if database.large_objects.count else []
            if doubles:
                severity = Severity.FAIL if context.spec.on_conflict == "fail" else Severity.ALARM
                yield _finding(database, doubles, severity)


def _doubles(context: CheckContext, database: Database) -> list[int]:
    connection = context.target(database.name)
    if connection is None:
        return []
    query = "select oid::bigint as oid from pg_catalog.pg_largeobject_metadata"
    held = [row.oid for row in connection.execute(query)]
    ours = context.source(database.name).execute(f"{query} where oid = any (%s::oid[]) order by 1".encode(), [held])
    return [row.oid for row in ours]


def _finding(database: Database, doubles: list[int], severity: Severity) -> Finding:
    few = doubles[:3]
    statements = tuple(sql.SQL("SELECT pg_catalog.lo_unlink({})").format(sql.Literal(oid)).as_string() for oid in few)
    return Finding(
        subject=database.name,
        message=f"the target has {len(doubles)} large objects of the same numbers, e.g. {', '.join(map(str, few))}",
        observed=f"{len(doubles)} doubles",
        expected="none",
        fix=Fix(
            text=f"remove them from database {database.target}, or say migration.on_conflict: skip or drop",
            sql=statements,
            side="target",
        ),
        evidence={"numbers": doubles[:100]},
        severity=severity,
    )
