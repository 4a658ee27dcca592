"""The stage `complete`."""

from __future__ import annotations

from collections.abc import Iterable

from dtsrun.api import PlanContext, Stage, Step


class Complete(Stage):
    """Completion: what the kinds of object have left for the very end

    What it does
    ------------
    Runs the last steps of the object kinds, after everything else is moved and compared. dtsrun's own memory on the
    target, the schema `_dtsrun`, is removed when they are done.

    Why it matters
    --------------
    What would disturb the work itself has to wait until nothing of it is left to do.

    Spec
    ----
    Has no options.

    Needs
    -----
    What the steps of the kinds need; each says so itself.

    Example
    -------
    ::

        migration: {type: full, objects: entire_instance}

    Limits
    ------
    Where nothing was left for the end, the stage has no step.
    """

    name = "stage.complete"
    after = ("stage.structure", "stage.full", "stage.indexes", "stage.verify")

    def plan(self, context: PlanContext) -> Iterable[Step]:
        """Return the steps of the kinds."""
        for kind in context.kinds:
            yield from kind.steps("complete", context)
