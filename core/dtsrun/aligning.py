"""Steps that align, at completion, what followed changes do not carry: the same work as the copy, done once more."""

from __future__ import annotations

from dataclasses import replace

from dtsrun.api import Step


def aligning(step: Step) -> Step:
    """Return the step that does at completion what another did with the copy.

    It leaves no mark: a completion that was called off aligns anew when it is asked for again.
    """
    before, after = f"{step.database}/{step.stage}/", f"{step.database}/complete/"
    return replace(
        step,
        key=after + step.key.removeprefix(before),
        stage="complete",
        after=tuple(after + key.removeprefix(before) for key in step.after),
        needs=(),
        provides=(),
        locks=(),
        marked=False,
        depends_softly=False,
    )


def aligned_rows_name(database: str, relation: int) -> str:
    """Return the name for all rows of a relation that are copied anew at completion, if any are.

    It is another one than that of the first copy (`dtsrun.api.rows_name`), which all that comes after the copy waits
    for.
    """
    return f"{database}/aligned-rows/{relation}"
