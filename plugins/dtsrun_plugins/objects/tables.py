"""The object kind `tables`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dtsrun.api import Database, Entry, Identity, MigrationType, ObjectKind, PlanContext, Step, StepContext, StepResult
from dtsrun.compare_steps import compare_steps
from dtsrun.copy_steps import copy_steps
from dtsrun.copying import copy_table
from dtsrun.copying_again import DRIFTED, SLOT_LOST, copy_table_again
from dtsrun.copying_batch import copy_batch
from dtsrun.copying_range import copy_range
from dtsrun.table_rows import TableRows


class Tables(ObjectKind):
    """Tables and their rows

    What it does
    ------------
    Creates tables, partitioned ones and their partitions, heirs of other tables, with columns of every kind; then
    copies the rows of each with COPY, in the source's snapshot, the largest first; many small ones go in one step. The
    rows of a step and the mark that it is done commit together. The target freezes the rows as it takes them, so that
    no vacuum has to. Rows of an extension's configuration tables come too, as far as the extension calls them the
    user's. Verification compares all rows of both ends.

    Why it matters
    --------------
    The bytes of a value arrive as they are: text in the source's encoding, which the target converts, numbers to the
    last digit. A table whose CHECK looks into another one is filled after that. Where rows of the source violate a
    CHECK (its function was changed under them), they are moved all the same, and the constraint arrives NOT VALID. A
    row that cannot be converted to the target's encoding is named by its key.

    Spec
    ----
    Chosen with `{table: "<schema>.<name>"}` in `include` and `exclude`; `rows` moves a part of a table's rows, or none.
    `resources.copy` says how many are copied at once, `resources.split_tables_larger_than` from which size on a table
    is copied in parts, several at once (sources of version 14 on; parts are not frozen, a vacuum has to visit them).

    `resources.format`: with `auto` and `binary` the rows of a table travel in binary where every column's bytes mean
    the same on both ends: built-in types, enums, domains and ranges over them, types of citext, hstore, ltree, cube,
    vector and PostGIS; arrays and composites of user types from a target of version 14 on. Other tables go as text,
    `dtsrun plan` says why, and with `binary` the report does too.

    Needs
    -----
    SELECT on the tables of the source, and BYPASSRLS where policies hide rows; on the target membership in the roles
    that will own them.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{table: "public.order*"}]
                rows: {public.orders: "created_at >= date '2026-01-01'", public.order_cache: none}

    Limits
    ------
    A row that is longer than 1 GB in the format that it travels in cannot be copied; a `bytea` doubles as text.
    Rows of a table that is partitioned by the hash of an enum go through the root, since the hash depends on the
    server: the same row may lie in another partition.
    Where changes are followed, unlogged tables, an extension's tables, and those whose rows cannot be told apart are
    copied anew at completion: the larger they are, the longer it takes.
    """

    name = "object.tables"
    entry_types = ("TABLE", "TABLE ATTACH", "DEFAULT", "TABLE DATA")
    selector = "table"
    has_data = True

    def statements(self, entry: Entry, database: Database, context: PlanContext) -> Sequence[str]:
        """Return the SQL that creates an entry; rows come by steps of their own."""
        return () if entry.type == "TABLE DATA" else super().statements(entry, database, context)

    def steps(self, stage: str, context: PlanContext) -> Iterable[Step]:
        """Return a step for each table with rows: to copy it, or to compare it."""
        for database in context.inventory.databases.values():
            rows = TableRows(database, context, self.name)
            if stage == "full":
                yield from copy_steps(database, rows, context.resources, context.inventory.server.major)
            elif stage == "complete" and context.spec.migration_type is MigrationType.FULL_INCREMENTAL:
                followed = _followed_whole(database, context)
                yield from (rows.copying_again(table) for table in rows.tables if table.oid not in followed)
            elif stage == "verify":
                yield from compare_steps(database, rows)

    def do_copy(self, context: StepContext) -> StepResult:
        """Copy the rows of one table."""
        return copy_table(context)

    def do_copy_batch(self, context: StepContext) -> StepResult:
        """Copy the rows of many small tables."""
        return copy_batch(context)

    def do_copy_again(self, context: StepContext) -> StepResult:
        """Copy the rows of one table anew, as they are by now."""
        return copy_table_again(context)

    def do_copy_range(self, context: StepContext) -> StepResult:
        """Copy one part of a large table."""
        return copy_range(context)

    def do_copy_anew(self, context: StepContext) -> StepResult:
        """Copy the rows of one table anew, in a new epoch."""
        return copy_table_again(context, SLOT_LOST)

    def do_copy_repaired(self, context: StepContext) -> StepResult:
        """Copy the rows of one table that came or changed while changes were followed."""
        return copy_table_again(context, DRIFTED)

    def do_compare_rows(self, context: StepContext) -> StepResult:
        """Compare the rows of one table."""
        from dtsrun.compare import compare_rows

        return compare_rows(context)

    def do_compare_rows_live(self, context: StepContext) -> StepResult:
        """Compare the rows of one table while changes flow."""
        from dtsrun.compare import compare_rows_live, confirmed_position

        return compare_rows_live(context, lambda: confirmed_position(context))

    def do_compare_batch(self, context: StepContext) -> StepResult:
        """Compare the rows of many small tables."""
        from dtsrun.comparing_batch import compare_batch

        return compare_batch(context, self.do_compare_rows)

    def do_compare_tree(self, context: StepContext) -> StepResult:
        """Compare the rows of a partitioned table as a whole."""
        from dtsrun.trees import compare_tree

        return compare_tree(context)


def _followed_whole(database: Database, context: PlanContext) -> set[int]:
    """Return OIDs of the tables all of whose changes are followed; the others are copied anew at completion."""
    return {t.oid for t in context.followed(database.name) if t.identity is not Identity.INSERT_ONLY}
