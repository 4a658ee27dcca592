"""Shows a task that another process runs, as if it ran here: from what that process writes into the journal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Final

from dtsrun.engine.states import AT_WORK
from dtsrun.journal import Journal, StepRecord, TaskRecord
from dtsrun.plan import Plan
from dtsrun.report.progress import ProgressListener
from dtsrun.report.tasks import is_abandoned

LOOK_SECONDS: Final = 0.5
LOOK_SHARE: Final = 10
"""A look at a plan of a hundred thousand steps takes a while: between two there is at least so many times that."""

EXIT_CODES: Final[Mapping[str, int]] = {"succeeded": 0, "check_passed": 0, "check_failed": 6, "failed": 5}
"""What a run of the same end returns; of the states that are not named, 130: the user ended it."""


class Attached:
    """Follows one task and tells a listener."""

    def __init__(self, journal: Journal, name: str, listener: ProgressListener) -> None:
        self._journal = journal
        self._name = name
        self._listener = listener
        self._event = max((event.id for event in journal.events(name)), default=0)
        self._digest = ""
        self._seen: dict[str, StepRecord] = {}

    def follow(self, sleep: Callable[[float], None] = time.sleep) -> TaskRecord | None:
        """Follow until nobody works at the task any more; return how it stands then, None where it was forgotten."""
        while True:
            # Asked first: what came before the end is still seen.
            task = self._journal.task(self._name)
            began = time.monotonic()
            self.look()
            if task is None or task.state not in AT_WORK or is_abandoned(task):
                return task
            sleep(max(LOOK_SECONDS, LOOK_SHARE * (time.monotonic() - began)))

    def look(self) -> None:
        """Tell what is new since the last look."""
        for event in self._journal.events(self._name, after=self._event):
            self._event = event.id
            self._listener.on_message(event.message)
            if event.kind == "throttle":
                self._listener.on_held(str(event.data.get("held", "")))
        steps = self._journal.steps(self._name)
        if steps and set(self._seen) != {step.key for step in steps}:
            self._begin(steps)
        for step in steps:
            self._tell(self._seen.get(step.key), step)
            self._seen[step.key] = step

    def _begin(self, steps: list[StepRecord]) -> None:
        plan = Plan.from_data(self._journal.plan(self._name) or [])
        self._listener.on_plan([plan.steps[step.key] for step in steps if step.key in plan.steps])
        self._seen = {}

    def _tell(self, before: StepRecord | None, now: StepRecord) -> None:
        was = before.state if before else "waiting"
        is_new_try = before is not None and before.started_at != now.started_at
        if now.state != was or (now.state == "running" and is_new_try):
            self._listener.on_step(now.key, now.state)
        if now.state == "running":
            rows, size = (0, 0) if before is None or is_new_try else (before.rows, before.bytes)
            if (now.rows, now.bytes) != (rows, size):
                self._listener.on_progress(now.key, now.rows - rows, now.bytes - size)


def exit_code(task: TaskRecord | None, *, different: bool, failed: bool) -> int:
    """Return what the run itself returns to its shell."""
    if task is None:
        return 130
    if task.state == "failed" and different and not failed:
        return 7
    return 5 if is_abandoned(task) else EXIT_CODES.get(task.state, 130)
