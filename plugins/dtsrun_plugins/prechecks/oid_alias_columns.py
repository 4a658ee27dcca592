"""No column holds names of objects by their OIDs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, MigrationType, Precheck, Severity

ALIASES: Final = {
    24: "regproc",
    2202: "regprocedure",
    2203: "regoper",
    2204: "regoperator",
    2205: "regclass",
    3734: "regconfig",
    3769: "regdictionary",
    4089: "regnamespace",
    4191: "regcollation",
}
"""Types whose values are OIDs of what a database holds. Roles (regrole) are there before rows are."""


class OidAliasColumns(Precheck):
    """No column holds names of objects by their OIDs.

    What it does
    ------------
    Looks for columns of the types regclass, regproc, regprocedure, regnamespace and the like.

    Why it matters
    --------------
    Such a value is written as a name and read by looking the name up. What does not exist yet when the row arrives (an
    index, a sequence of a table left out) makes the row be refused, and a table that was dropped since arrives as a
    bare number that means another object. pg_upgrade refuses such columns.

    Spec
    ----
    `prechecks.policy.checks."precheck.oid_alias_columns"`; it has no options.

    Needs
    -----
    Nothing beyond a login. All versions.

    Example
    -------
        alarm  precheck.oid_alias_columns  shop.public.jobs: column relation of public.jobs is a regclass

    Limits
    ------
    Values are not looked at. Columns of type oid are not named: most of them hold large objects, which keep their OIDs.
    """

    name = "precheck.oid_alias_columns"
    side = "source"
    severity = Severity.ALARM
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such column."""
        for database in context.inventory.databases.values():
            for relation in database.relations.values():
                for column in relation.columns if relation.has_rows and relation.extension is None else ():
                    if column.type_oid in ALIASES:
                        yield Finding(
                            subject=f"{database.name}.{relation.qualified}",
                            message=f"column {column.name} of {relation.qualified} is a {ALIASES[column.type_oid]}",
                            observed=column.type,
                            expected="text, or no such column",
                            fix=Fix(text="keep the name as text, or exclude the table's rows", side="source"),
                        )
