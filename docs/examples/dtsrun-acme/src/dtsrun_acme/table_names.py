"""The check `acme_table_names`."""

import re
from collections.abc import Iterator

from psycopg import sql

from dtsrun.api import CheckContext, Finding, Fix, Precheck, Severity


class AcmeTableNames(Precheck):
    """Tables are named as Acme names them

    What it does
    ------------
    Looks at the names of all tables that are moved: lower-case words joined by underscores, and not too long.

    Why it matters
    --------------
    Acme's reports find tables by their names, and do not quote them.

    Spec
    ----
    `longest`: how many characters a name may have; 32 if left out.

    Needs
    -----
    Nothing beyond what the inventory needs.

    Example
    -------
        alarm  precheck.acme_table_names  shop.public.Order Items: not a name by Acme's rule

    Limits
    ------
    Views, columns and partitions may be called anything.
    """

    name = "precheck.acme_table_names"
    side = "source"
    severity = Severity.ALARM
    requires = ("precheck.connect",)
    options = {
        "properties": {
            "longest": {"description": "Characters of a name.", "type": "integer", "minimum": 1, "default": 32},
        },
    }

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every table with another name."""
        for database in context.inventory.databases.values():
            for table in database.relations.values():
                if table.relkind in "rp" and not table.is_partition and not self._fits(table.name, context):
                    yield Finding(
                        subject=f"{database.name}.{table.qualified}",
                        message="not a name by Acme's rule",
                        observed=table.name,
                        expected=f"lower-case words with underscores, at most {context.options['longest']} characters",
                        fix=Fix(text="rename it", sql=(renaming(table.schema, table.name),), side="source"),
                    )

    def _fits(self, name: str, context: CheckContext) -> bool:
        return len(name) <= context.options["longest"] and re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", name) is not None


def renaming(schema: str, name: str) -> str:
    """Return the statement that renames a table to the nearest name by the rule."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    statement = sql.SQL("alter table {} rename to {}")
    return statement.format(sql.Identifier(schema, name), sql.Identifier(plain)).as_string()
