"""No column has a type that the target no longer has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from dtsrun.api import CheckContext, Finding, Fix, Precheck, SkipCheck

REMOVED: Final = frozenset({702, 703, 704, 1023, 1024, 1025})
"""abstime, reltime, tinterval and arrays of them: gone with version 12."""


class RemovedTypes(Precheck):
    """No column has a type that the target no longer has.

    What it does
    ------------
    Looks for columns of the types abstime, reltime and tinterval where the target is of version 12 or later.

    Why it matters
    --------------
    The table cannot be created, nor anything that uses it.

    Spec
    ----
    `prechecks.policy.checks."precheck.removed_types"`; it has no options.

    Needs
    -----
    Nothing beyond a login. It concerns sources of versions 10 and 11.

    Example
    -------
        failed  precheck.removed_types  shop.public.visits: column since of public.visits is an abstime, which the
          target no longer knows

    Limits
    ------
    Types that only the bodies of functions name are not looked for.
    """

    name = "precheck.removed_types"
    requires = ("precheck.connect",)

    def check(self, context: CheckContext) -> Iterator[Finding]:
        """Yield every such column."""
        if context.facts("source").major >= 12 or context.facts("target").major < 12:
            raise SkipCheck("both ends know the same types")
        for database in context.inventory.databases.values():
            for relation in database.relations.values():
                for column in relation.columns:
                    if column.type_oid in REMOVED:
                        yield Finding(
                            subject=f"{database.name}.{relation.qualified}",
                            message=f"column {column.name} of {relation.qualified} is of type {column.type}, which the "
                            "target no longer knows",
                            observed=column.type,
                            expected="timestamptz, interval or tstzrange",
                            fix=Fix(text="change the column's type", side="source"),
                        )
