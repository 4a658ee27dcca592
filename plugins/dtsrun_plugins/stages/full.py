"""The stage `full`."""

from __future__ import annotations

from collections.abc import Iterable

from dtsrun.api import MigrationType, PlanContext, Stage, Step


class Full(Stage):
    """The rows: tables, sequences, large objects

    What it does
    ------------
    Copies what the objects hold: the rows of all tables, several tables at once and the largest first, the large
    objects beside them, and after the rows of a database where its sequences stand. All workers read in one snapshot
    of each source database. What is copied and the mark that it is done commit together.

    Why it matters
    --------------
    One snapshot means that all tables show the source at one moment. The mark in the same transaction means that a
    task that was killed goes on where it was: no table is copied twice, none is left half full.

    Spec
    ----
    `migration.type: full`. `resources.copy` says how many tables are copied at once.

    Needs
    -----
    What the kinds of object need that are moved: see tables, sequences, large objects.

    Example
    -------
    ::

        migration: {type: full, objects: entire_instance}
        resources: {copy: 4}

    Limits
    ------
    The snapshot lasts as long as the session that holds it: where it is lost, the rest is copied in a new one, and the
    report says so. Sequences do not keep to a snapshot: they are copied as they are when their turn comes.
    """

    name = "stage.full"
    types = frozenset({MigrationType.FULL, MigrationType.FULL_INCREMENTAL})
    requires = ("stage.structure",)

    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return what the kinds of object have to copy."""
        for kind in context.kinds:
            yield from kind.steps("full", context)
