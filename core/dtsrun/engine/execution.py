"""A run's plan, carried out to the task's last state.

A plan is walked in one go or in parts (`Plan.only`, `Plan.without`), each part by `TaskWalk`. Where changes are
followed there are three: the copy, and at completion what the changes do not carry, and verification. What only some
runs need (the cutover, an end for good) is imported when it is needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dtsrun import marks
from dtsrun.api import CheckResult
from dtsrun.engine.control import Control
from dtsrun.engine.ends import Ends
from dtsrun.engine.face import Ended, Listener
from dtsrun.engine.signals import on_signals
from dtsrun.engine.signature import SIGNATURE
from dtsrun.engine.snapshots import Snapshots
from dtsrun.engine.task_walk import TaskWalk
from dtsrun.engine.tidy import tidy
from dtsrun.engine.walk import Outcome
from dtsrun.errors import DtsrunError, Interrupted, MigrationError
from dtsrun.journal import Journal
from dtsrun.plan import Plan

if TYPE_CHECKING:
    from dtsrun.engine.following import Following
    from dtsrun.engine.refusals import ApplyStopped


class PlanOutdated(Exception):
    """What is followed has changed under the plan: it has to be read again, and gone on with."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What a run has to carry out, and with what."""

    ends: Ends
    plan: Plan
    snapshots: Snapshots
    found: Mapping[str, marks.Mark] = field(default_factory=dict)
    """What the target remembers of earlier runs, by step."""
    checks: Sequence[CheckResult] = ()
    following: Following | None = None
    """Epochs and links, where changes are followed."""

    @property
    def done(self) -> frozenset[str]:
        """Keys of the steps that earlier runs finished."""
        return frozenset(key for key, mark in self.found.items() if mark.done and key in self.plan.steps)


class Execution:
    """Carries out the work of one run: of the task itself, or of a verification, which has a name of its own."""

    def __init__(
        self,
        work: Work,
        name: str,
        journal: Journal,
        listener: Listener,
        control: Control,
        say: Callable[..., None],
    ) -> None:
        """Args: name: what the run is called in the journal."""
        self._work = work
        self._name = name
        self._journal = journal
        self._listener = listener
        self._control = control
        self._say = say
        self._walk = TaskWalk(work.ends, name, journal, listener, control, say)

    @property
    def _is_verification(self) -> bool:
        """A verification has nothing of its own on either server."""
        return self._name != self._work.ends.spec.task.name

    def carry_out(self) -> Ended:
        """Bring the task to its last state, and return how it ended.

        Raises:
            Interrupted: the user ended it; it is paused or stopped.
            PlanOutdated: the links are at rest, and the run has to go on with what the journal says by now.
        """
        work = self._work
        self._journal.set_state(self._name, "running")
        self._take_over()
        try:
            if work.following is not None:
                return self._follow(work.following)
            outcome = self._walk.walk(work.plan, work.snapshots, work.done)
        except Interrupted as interrupted:
            request = self._control.ending
            self._end()
            if request is not None and request.what == "stop":
                raise Interrupted("the task was stopped for good", hint="the same command begins anew") from interrupted
            raise
        return self._finish(outcome)

    def _end(self) -> None:
        """Bring a run that the user ended to its last state: paused, or stopped for good."""
        request = self._control.ending
        if request is None or request.what == "pause":
            self._journal.set_state(self._name, "paused")
            self._control.ended("done", f"the task is paused; `dtsrun resume {self._name}` goes on")
            return
        from dtsrun.engine.ending import end_for_good, ended_text

        drop = bool(request.arguments.get("drop"))
        try:
            if not self._is_verification:
                end_for_good(self._work.ends, self._journal, self._say, drop=drop)
        except DtsrunError as error:
            self._control.ended("failed", str(error))
            raise
        self._journal.set_state(self._name, "stopped")
        task = self._journal.task(self._name)
        assert task is not None  # it runs
        self._control.ended("done", ended_text(task, drop=drop))

    def _follow(self, following: Following) -> Ended:
        """Copy, follow the changes, and complete when that is asked for. Raises Interrupted, PlanOutdated."""
        from dtsrun.engine.cutover import Cutover
        from dtsrun.engine.gating import LATE_STAGES
        from dtsrun.engine.refusals import ApplyStopped
        from dtsrun.engine.repairing import PlanChanged
        from dtsrun.engine.syncing import LinksLost

        work, walk = self._work, self._walk
        following.expect(work.plan)

        def walk_stage(stage: str, snapshots: Snapshots, deadline: float) -> DtsrunError | None:
            late = walk.walk(work.plan.only(stage), snapshots, (), gives_way=False, deadline=deadline)
            return walk.error_of(late)

        cutover = Cutover(work.ends, following, self._journal, self._control, say=self._say, walk_stage=walk_stage)
        if cutover.is_removing:
            cutover.remove()
        else:
            # Of a completion that was called off, before this run.
            self._journal.forget_results(self._name, LATE_STAGES)
            outcome = walk.walk(work.plan.without(*LATE_STAGES), work.snapshots, work.done, follow=following.follow)
            if outcome.failed or outcome.lost or self._journal.failures(self._name):
                return self._finish(outcome)
            work.snapshots.close()
            try:
                with on_signals(self._control.interrupt):
                    cutover.run()
            except LinksLost as lost:
                following.stop_others()
                raise PlanOutdated from lost
            except ApplyStopped as stopped:
                following.stop()
                self._journal.set_state(self._name, "failed")
                return Ended(self._name, self._journal.home, checks=work.checks, error=_refused(stopped))
            except PlanChanged as changed:
                following.stop()
                following.close()
                raise PlanOutdated from changed
        tidy(work.ends, self._journal)
        self._journal.set_state(self._name, "succeeded")
        return Ended(self._name, self._journal.home, checks=work.checks)

    def _take_over(self) -> None:
        """Let the journal and the user know what earlier runs finished."""
        work = self._work
        for key, mark in work.found.items():
            if mark.done and key != SIGNATURE:
                self._journal.step_known_done(self._name, key, mark.rows, mark.bytes, mark.epoch or None)
        self._listener.on_plan([work.plan.steps[key] for key in work.plan.order])
        for key in work.done:
            self._listener.on_step(key, "done")

    def _finish(self, outcome: Outcome) -> Ended:
        error = self._walk.error_of(outcome)
        if error is None and not self._is_verification:
            tidy(self._work.ends, self._journal)
        self._journal.set_state(self._name, "failed" if error else "succeeded")
        return Ended(self._name, self._journal.home, checks=self._work.checks, error=error)


def _refused(stopped: ApplyStopped) -> MigrationError:
    return MigrationError(
        f"the target refuses a change: {stopped}",
        hint="mend it on the target, then run the same command again: the links go on where they were",
    )
