"""Enum types that are left as they are on the target have the source's labels."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, SkipCheck
from dtsrun_plugins.prechecks._catalog import catalog_rows, subject_of


class EnumParity(Precheck):
    """Enum types that are left as they are on the target have the source's labels.

    What it does
    ------------
    With `migration.on_conflict: skip`, compares the labels of enum types that exist on both ends, and their order.

    Why it matters
    --------------
    A row with a label that the target does not know is refused, and its whole table with it. With another order rows
    arrive, but compare and sort otherwise.

    Spec
    ----
    `prechecks.policy.checks."precheck.enum_parity"`; it has no options.

    Needs
    -----
    Nothing beyond a login on both ends. All versions.

    Example
    -------
        failed  precheck.enum_parity  shop.public.state: enum public.state lacks the labels returned on the target
          fix (target): ALTER TYPE public.state ADD VALUE 'returned';

    Limits
    ------
    ADD VALUE puts a label last; say BEFORE or AFTER to keep the order.
    """

    name = "precheck.enum_parity"
    side = "both"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every enum whose labels differ."""
        if context.spec.on_conflict != "skip":
            raise SkipCheck("no type of the target is left as it is")
        there = {
            (database.name, row.schema, row.name): row.labels
            for database, row in catalog_rows(context, "enum_parity.sql", side="target")
        }
        for database, row in catalog_rows(context, "enum_parity.sql"):
            labels = there.get((database.name, row.schema, row.name), row.labels)
            missing = [label for label in row.labels if label not in labels]
            common = [label for label in labels if label in row.labels]
            if missing or common != row.labels:
                add = sql.SQL("ALTER TYPE {} ADD VALUE {}")
                enum = sql.Identifier(row.schema, row.name)
                lacks = f"lacks the labels {', '.join(missing)}" if missing else "has its labels in another order"
                yield Finding(
                    subject=subject_of(database, row),
                    message=f"enum {row.schema}.{row.name} {lacks} on the target",
                    observed=", ".join(labels),
                    expected=", ".join(row.labels),
                    fix=Fix(
                        text="add what is missing, or let dtsrun create the type",
                        sql=tuple(add.format(enum, sql.Literal(label)).as_string() for label in missing),
                        side="target",
                    ),
                )
