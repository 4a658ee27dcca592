"""The object kind `extended_statistics`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class ExtendedStatistics(ObjectKind):
    """Extended statistics objects

    What it does
    ------------
    Creates statistics objects with their kinds, expressions and target; the ANALYZE that follows the indexes
    fills them.

    Why it matters
    --------------
    Without them the planner takes columns for independent, and plans change after the cutover.

    Spec
    ----
    Comes along with its table.

    Needs
    -----
    Ownership of the table.

    Example
    -------
    ::

        migration:
          objects:
            databases:
              shop:
                include: [{table: "public.orders"}]

    Limits
    ------
    The collected values are not copied: they are collected anew.
    """

    name = "object.extended_statistics"
    entry_types = ("STATISTICS",)
