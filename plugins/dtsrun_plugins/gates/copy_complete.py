"""The copy is complete."""

from __future__ import annotations

from collections.abc import Iterator

from dtsrun.api import Finding, Fix, Gate, GateContext


class CopyComplete(Gate):
    """The copy is complete.

    What it does
    ------------
    Lists the steps before the cutover that are not done: structure, rows, indexes and constraints, the following.

    Why it matters
    --------------
    After the cutover nobody brings what is missing: the links are gone, and the source is no longer what it was.

    Spec
    ----
    `prechecks.policy.checks`; it has no options.

    Needs
    -----
    Nothing: the task itself knows.

    Example
    -------
        failed  gate.copy_complete  build index public.orders_date: disk full
          fix: mend it and run the same command again

    Limits
    ------
    What a step passed over knowingly, and the report lists as a deviation, counts as done.
    """

    name = "gate.copy_complete"
    side = "target"

    def check(self, context: GateContext) -> Iterator[Finding]:
        """Yield every step that is not done."""
        for title in context.open_steps:
            yield Finding(
                subject=title.partition(":")[0],
                message=f"not done: {title}",
                observed="not done",
                expected="done",
                fix=Fix(text="mend what stands in its way and run the same command again", side="target"),
            )
