"""Whose marks the target holds: the digest of the spec stands among them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from dtsrun import marks
from dtsrun.api import StepResult
from dtsrun.engine.ends import Ends
from dtsrun.engine.prepare import Preparation, read_marks
from dtsrun.errors import MigrationError

SIGNATURE: Final = "server/task"
"""Key of the mark that holds the spec's digest; no step has it."""


def sign(ends: Ends) -> None:
    """Leave the spec's digest among the marks, so that they can be told from another task's."""
    with ends.connect("target", None, "marks") as connection:
        marks.prepare(connection)
        marks.write(connection, ends.spec.task.name, SIGNATURE, 0, StepResult(detail={"digest": ends.spec.digest}))


def left_by_a_lost_journal(preparation: Preparation) -> Mapping[str, marks.Mark]:
    """Return the marks of a task that this runner knows nothing of, but the target does.

    Raises:
        MigrationError: they are those of another task.
    """
    ends = preparation.ends
    spec = ends.spec
    found = read_marks(ends, preparation.chosen, preparation.target_databases())
    if not found:
        return {}
    signed = found.get(SIGNATURE)
    if signed is None or signed.detail.get("digest") != spec.digest or spec.on_conflict == "skip":
        raise MigrationError(
            f"the target holds the unfinished work of another task {spec.task.name!r}",
            hint="run it where its journal is, or give this task another name, or drop schema _dtsrun there",
        )
    return found
