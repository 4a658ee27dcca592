"""No chosen table refers to large objects that stay behind."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Database, Finding, Fix, MigrationType, Precheck, Severity


class LargeObjectsLeftOut(Precheck):
    """No chosen table refers to large objects that stay behind.

    What it does
    ------------
    Where a database has large objects and none of them is chosen, looks for chosen tables with columns of the types
    `oid` and `lo`, where their numbers are kept.

    Why it matters
    --------------
    Large objects belong to no table and to no schema, so a choice of tables leaves them behind: the rows arrive, and
    each number in them leads nowhere.

    Spec
    ----
    `{large_object: "*"}` in `include` takes them all; `migration.kinds.large_objects.include: false` leaves them out.

    Needs
    -----
    Nothing beyond a login on the source.

    Example
    -------
        alarm  precheck.large_objects_left_out  12 large objects of shop are not chosen, and public.invoices.scan ...

    Limits
    ------
    A column of type `oid` may hold other numbers than those of large objects; numbers in `integer` or `bigint` columns
    are not seen.
    """

    name = "precheck.large_objects_left_out"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield each database whose large objects stay behind."""
        for database in context.inventory.databases.values():
            columns = _columns(database)
            if database.large_objects.count or not columns:
                continue
            query = "select count(*) as count from pg_catalog.pg_largeobject_metadata"
            row = context.source(database.name).execute(query).fetchone()
            if row and row.count:
                yield _finding(database.name, row.count, columns)


def _columns(database: Database) -> list[str]:
    return sorted(
        f"{relation.qualified}.{column.name}"
        for relation in database.relations.values()
        for column in relation.columns
        if relation.has_rows and (column.type == "oid" or column.type.rpartition(".")[2] == "lo")
    )


def _finding(database: str, count: int, columns: list[str]) -> Finding:
    more = f" and {len(columns) - 1} more" if columns[1:] else ""
    return Finding(
        subject=database,
        message=f"{count} large objects of {database} are not chosen, and {columns[0]}{more} may refer to them",
        observed="not chosen",
        expected="chosen with the tables that refer to them",
        fix=Fix(
            text=f'add {{large_object: "*"}} to migration.objects.databases.{database}.include,'
            " or take away migration.kinds.large_objects.include: false"
        ),
        evidence={"columns": columns},
    )
