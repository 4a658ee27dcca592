"""The object kind `optimizer_statistics`."""

from __future__ import annotations

from dtsrun.api import ObjectKind


class OptimizerStatistics(ObjectKind):
    """Collected statistics of tables, made anew

    What it does
    ------------
    Restores nothing: after the indexes of a table are built, the table is analyzed on the target.

    Why it matters
    --------------
    Statistics of the source describe its own physical layout and may be of another version's form; an ANALYZE
    takes seconds and is always right.

    Spec
    ----
    Nothing to set.

    Needs
    -----
    Ownership of the tables, or MAINTAIN since version 17.

    Example
    -------
    ::

        migration: {objects: entire_instance}

    Limits
    ------
    pg_dump writes such entries only when asked to; they are accepted and left aside.
    """

    name = "object.optimizer_statistics"
    entry_types = ("STATISTICS DATA",)
