"""Who writes what a walk does into the journal and the log, and shows it."""

from __future__ import annotations

import threading
import time
from typing import Final

from dtsrun.api import Failure, Step, StepResult
from dtsrun.copied_table import WAY
from dtsrun.engine.calm import Calm, span_text
from dtsrun.engine.control import Control
from dtsrun.engine.face import Listener
from dtsrun.engine.snapshots import Snapshot
from dtsrun.journal import Creation, Journal
from dtsrun.task_log import get_log

SAVE_SECONDS: Final = 1.0
"""Between two times that the journal is told of the steps that run."""


class JournalWitness:
    """Writes what the walk does into the journal and the log, and shows it."""

    def __init__(self, task: str, journal: Journal, listener: Listener, control: Control) -> None:
        self._task = task
        self._journal = journal
        self._listener = listener
        self._control = control
        self._calm = Calm()
        self._figures: dict[str, tuple[int, int]] = {}
        self._figures_lock = threading.Lock()
        self._save_at = 0.0
        self._log = get_log(task=task)

    def started(self, step: Step, worker: str, epoch: int) -> None:
        self._journal.step_started(self._task, step.key, worker, epoch or None)
        self._listener.on_step(step.key, "running")
        self._log.info("step started", step=step.key, epoch=epoch)

    def finished(self, step: Step, result: StepResult) -> None:
        self._forget_figures(step)
        state = "failed" if result.failures else "done"
        message = f"{len(result.failures)} objects failed" if result.failures else str(result.detail.get(WAY, ""))
        self._journal.step_finished(self._task, step.key, state, result, message)
        self._listener.on_step(step.key, state)
        self._log.info("step finished", step=step.key, rows=result.rows, bytes=result.bytes, state=state)
        for failure in result.failures:
            self._tell("failure", step, f"{failure.object}: {failure.message}")

    def failed(self, step: Step, message: str) -> None:
        self._forget_figures(step)
        failure = Failure(object=step.title or step.key, message=message)
        self._journal.step_finished(self._task, step.key, "failed", StepResult(failures=(failure,)), message)
        self._listener.on_step(step.key, "failed")
        self._tell("failure", step, f"{step.title or step.key}: {message}")

    def blocked(self, step: Step, message: str) -> None:
        self._journal.step_blocked(self._task, step.key, message)
        self._listener.on_step(step.key, "blocked")
        self._log.warning("step blocked", step=step.key, reason=message)

    def put_back(self, step: Step) -> None:
        self._forget_figures(step)
        self._journal.step_put_back(self._task, step.key)
        self._listener.on_step(step.key, "waiting")

    def retrying(self, step: Step, message: str, pause: float, left: float) -> None:
        self.put_back(step)
        self._log.warning("step is tried again", step=step.key, reason=message, pause=round(pause, 2))
        if self._calm.lets_through(message):
            words = f"{step.title or step.key}: {message}; trying again, for up to {span_text(left)}"
            self._journal.event(self._task, "retry", words, step=step.key)
            self._listener.on_message(words)

    def new_epoch(self, snapshot: Snapshot, lost: Snapshot) -> None:
        message = (
            f"the snapshot of {snapshot.database} was lost; what is not yet copied is read in a new one"
            f" (epoch {snapshot.epoch}, {snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC)"
        )
        self._journal.event(self._task, "epoch", message, data={"database": snapshot.database, "epoch": snapshot.epoch})
        self._listener.on_message(message)

    def progress(self, key: str, rows: int, size: int) -> None:
        with self._figures_lock:
            before = self._figures.get(key, (0, 0))
            self._figures[key] = (before[0] + rows, before[1] + size)
        self._listener.on_progress(key, rows, size)

    def created(self, what: str, name: str) -> None:
        self._journal.created(self._task, Creation(side="target", what=what, name=name))

    def wants_stop(self) -> bool:
        self._save_figures()
        return self._control.wants_end()

    def _save_figures(self) -> None:
        """Let other terminals see how far the steps are."""
        if time.monotonic() < self._save_at:
            return
        self._save_at = time.monotonic() + SAVE_SECONDS
        with self._figures_lock:
            figures = dict(self._figures)
        if figures:
            self._journal.steps_progress(self._task, figures)

    def _forget_figures(self, step: Step) -> None:
        with self._figures_lock:
            self._figures.pop(step.key, None)

    def _tell(self, kind: str, step: Step, message: str) -> None:
        self._journal.event(self._task, kind, message, step=step.key)
        self._listener.on_message(message)
        self._log.warning(message, step=step.key, kind=kind)
