"""Rows can be filtered while changes are followed."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck
from dtsrun.incremental.identities import FIRST_WITH_FILTERS
from dtsrun_plugins.prechecks._catalog import subject_of


class RowFilters(Precheck):
    """Rows can be filtered while changes are followed.

    What it does
    ------------
    Looks for tables of which the spec moves a part of the rows, by a condition in `rows`, where the source is older
    than version 15 and its changes are to be followed.

    Why it matters
    --------------
    The source itself applies the condition to changes, in a publication with WHERE, which came with version 15. Before,
    the copy would hold the wanted rows alone, and every later change of any other row would follow.

    Spec
    ----
    `prechecks.policy.checks."precheck.row_filters"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        failed  precheck.row_filters  shop.public.events: rows of public.events are filtered, and changes cannot be
          filtered before version 15

    Limits
    ------
    A table of which no rows are moved (`none`) is not followed at all, which every version can do.
    """

    name = "precheck.row_filters"
    side = "source"
    types = frozenset({MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table with a condition that the source cannot apply to changes."""
        major = context.facts("source").major
        if major >= FIRST_WITH_FILTERS:
            return
        for database in context.inventory.databases.values():
            for oid, condition in database.rows.items():
                if condition is None:
                    continue
                table = database.relations[oid]
                yield Finding(
                    subject=subject_of(database, table),
                    message=f"rows of {table.qualified} are filtered, and changes cannot be filtered before version"
                    f" {FIRST_WITH_FILTERS}",
                    observed=f"version {major}, rows where {condition}",
                    expected=f"version {FIRST_WITH_FILTERS} or later, or the whole table",
                    fix=Fix(
                        text="move the whole table and delete what is not wanted after the cutover, leave it out"
                        f" (rows: {{{table.qualified}: none}}) and move it by a task of type full, or upgrade the"
                        f" source to version {FIRST_WITH_FILTERS}",
                        side="source",
                    ),
                )
