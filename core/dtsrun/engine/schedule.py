"""A task whose spec names the time of its start: it waits, and can be told to start at once or to give up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from dtsrun.api import Spec
from dtsrun.engine.calm import span_text
from dtsrun.engine.control import Control
from dtsrun.engine.face import Listener, RunOptions
from dtsrun.engine.policy import policy_digest
from dtsrun.engine.signals import on_signals
from dtsrun.engine.states import FINISHED, UNBEGUN
from dtsrun.errors import Interrupted
from dtsrun.journal import Journal, Request, TaskRecord

LOOK_SECONDS: Final = 0.5
"""Between two looks at the clock on the wall, which may be set, or have gone on while the machine slept."""


def is_early(spec: Spec, known: TaskRecord | None, options: RunOptions) -> bool:
    """Tell whether the time of a task's start lies ahead. One that has begun goes on at once."""
    if spec.task.run is None or options.now:
        return False
    is_new = known is None or known.state in UNBEGUN | FINISHED or options.restart
    return is_new and spec.task.run > datetime.now(UTC)


def is_checked(spec: Spec, known: TaskRecord | None, options: RunOptions) -> bool:
    """Tell whether an earlier runner made the checks of this very spec and policy, and waited for the same thing."""
    if known is None or known.state != "scheduled" or options.restart:
        return False
    tied_to = known.summary.get("checked", {}).get("policy")
    return known.digest == spec.digest and tied_to == policy_digest(spec)


class Waiting:
    """Waits for the start of a task."""

    def __init__(self, journal: Journal, spec: Spec, listener: Listener) -> None:
        self._journal = journal
        self._name = spec.task.name
        assert spec.task.run is not None
        self._start: datetime = spec.task.run
        self._listener = listener
        self._control = Control(journal, self._name)

    def wait(self) -> None:
        """Return when the time has come, or the user wants the task to start.

        Raises:
            Interrupted: the user gave up waiting (the task keeps its time), or stopped the task.
        """
        self._control.begin()
        self._journal.set_summary(self._name, starts_at=self._start.isoformat())
        self._journal.set_state(self._name, "scheduled")
        when = f"{self._start.isoformat(sep=' ')}, in {span_text(self._left())}"
        with on_signals(self._control.interrupt):
            self._say(f"nothing stands in the way; the task starts at {when}")
            while (left := self._left()) > 0:
                request = self._control.wanted()
                if request is not None and self._is_start(request):
                    return
                self._control.wait(min(left, LOOK_SECONDS))
        self._say("the time has come")

    def _is_start(self, request: Request) -> bool:
        if request.what == "resume":
            self._control.answer(request, "done", f"task {self._name} starts now, before its time")
            self._say("started before its time")
            return True
        if request.what == "stop":
            self._control.end_by(request)
            self._journal.set_state(self._name, "stopped")
            self._control.ended("done", f"task {self._name} is stopped; it had not begun, and nothing was made")
            raise Interrupted("the task was stopped before its time came")
        raise Interrupted(
            f"nobody waits for the start of task {self._name} any more",
            hint="run the same command again to go on waiting: the task keeps its time",
        )

    def _left(self) -> float:
        return (self._start - datetime.now(UTC)) / timedelta(seconds=1)

    def _say(self, message: str) -> None:
        self._journal.event(self._name, "schedule", message)
        self._listener.on_message(message)
