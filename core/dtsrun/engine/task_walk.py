"""The steps of a task carried out: with its resources and its pace, ended by the user or a deadline, and told of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from dtsrun.engine.control import Control
from dtsrun.engine.ends import Ends
from dtsrun.engine.face import Listener
from dtsrun.engine.sampling import giving_way
from dtsrun.engine.signals import on_signals
from dtsrun.engine.snapshots import Snapshots
from dtsrun.engine.walk import Outcome, Walk
from dtsrun.engine.witness import JournalWitness
from dtsrun.engine.worker import Follow, Worker
from dtsrun.errors import AccessError, DifferencesFound, DtsrunError, MigrationError
from dtsrun.journal import Journal
from dtsrun.plan import Plan
from dtsrun.resources import Known, decide_resources
from dtsrun.throttle import Pace


class TaskWalk:
    """Carries out a task's plan, in one go or in parts."""

    def __init__(
        self,
        ends: Ends,
        task: str,
        journal: Journal,
        listener: Listener,
        control: Control,
        say: Callable[..., None],
    ) -> None:
        self._ends = ends
        self._task = task
        self._journal = journal
        self._listener = listener
        self._control = control
        self._say = say
        self._resources_said = ""

    def walk(
        self,
        plan: Plan,
        snapshots: Snapshots,
        done: Iterable[str],
        *,
        follow: Follow | None = None,
        gives_way: bool = True,
        deadline: float | None = None,
    ) -> Outcome:
        """Walk a plan: the whole of the task's, or the part that its time has come for.

        Args:
            done: keys of the steps that earlier runs finished.
            follow: lets changes be carried.
            gives_way: whether copies give way to `resources.throttle`; a cutover does not, since all wait for it.
            deadline: when it is broken off.

        Raises:
            Interrupted: the user ended it.
            OutOfTime: the deadline came.
        """
        spec = self._ends.spec
        resources, why = decide_resources(spec.resources, Known(self._ends.facts["source"], self._ends.facts["target"]))
        if plan.resources is not None:
            resources, why = plan.resources, plan.resources_said
        if why != self._resources_said:  # a cutover walks two more parts, with the same
            self._say("resources", why)
            self._resources_said = why
        pace = Pace(resources.rate_limit)
        walk = Walk(
            plan,
            resources,
            make_worker=lambda callbacks: Worker(self._ends, self._task, callbacks, follow),
            snapshots=snapshots,
            witness=JournalWitness(self._task, self._journal, self._listener, self._control),
            retry_for=spec.task.retry_for,
            pace=pace,
            deadline=deadline,
        )

        def stop() -> None:
            self._control.interrupt()
            walk.stop()

        with on_signals(stop), giving_way(self._ends, pace, self._tell_of_throttle) if gives_way else nullcontext():
            return walk.run(done)

    def error_of(self, outcome: Outcome) -> DtsrunError | None:
        """Return what a walk left undone or found different, None where all is well."""
        if outcome.lost:
            return AccessError(
                f"a server stayed out of reach for longer than task.retry: {outcome.lost}",
                hint="when it is there again, run the same command again: what is done stays done",
            )
        failures = self._journal.failures(self._task)
        if outcome.failed or failures:
            count = len(failures) or len(outcome.failed)
            noun = "thing" if count == 1 else "things"
            named = f", the first: {failures[0][1].object}: {failures[0][1].message}" if failures else ""
            show = f"`dtsrun show {self._task}`"
            return MigrationError(
                f"{count} {noun} could not be moved{named}; everything else was",
                hint=f"mend what {show} lists, then run the same command again: only the rest is done",
            )
        differences = self._journal.differences(self._task)
        if differences:
            noun = "difference" if len(differences) == 1 else "differences"
            first = differences[0]
            where = f"{first.database}: " if first.database else ""
            row = f" {first.key}" if first.key else ""
            return DifferencesFound(
                f"{len(differences)} {noun} between source and target, the first: {where}{first.object}{row},"
                f" {first.aspect}",
                hint=f"dtsrun show {self._task}",
            )
        return None

    def _tell_of_throttle(self, message: str, data: Mapping[str, Any]) -> None:
        self._say("throttle", message, data)
        self._listener.on_held(data["held"])
