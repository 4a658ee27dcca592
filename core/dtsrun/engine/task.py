"""A task, run from its spec to its last state.

The same command, run again after any end but success, continues: it takes the plan from the journal and what is done
from the target's marks.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import psycopg

from dtsrun.api import Endpoint, Spec
from dtsrun.engine.calm import Calm, span_text
from dtsrun.engine.control import Control
from dtsrun.engine.ends import SIDES, home_folder, read_spec, task_folder
from dtsrun.engine.face import Confirm, Ended, Listener, RunOptions
from dtsrun.engine.lock import runner_lock
from dtsrun.engine.patience import Patience
from dtsrun.engine.run import Run
from dtsrun.engine.schedule import Waiting, is_checked, is_early
from dtsrun.engine.signals import on_signals
from dtsrun.engine.states import AT_WORK, RESUMABLE, allows, refusal
from dtsrun.errors import AccessError, DtsrunError, Interrupted, UnreachableError
from dtsrun.journal import Journal, TaskRecord
from dtsrun.postgres.session import runner_name
from dtsrun.postgres.sqlstate import Reaction, describe, reaction
from dtsrun.registry import Registry


def run_task(spec_path: Path, options: RunOptions, listener: Listener, confirm: Confirm) -> Ended:
    """Check both ends and migrate; continue what an earlier run left.

    Raises:
        SpecError, PluginError, AccessError, MigrationError: the run could not begin, or could not go on.
        Interrupted: the user stopped it.
    """
    spec, registry = read_spec(spec_path)
    spec = _kept(spec, registry) if options.keep else spec
    home = home_folder()
    with ExitStack() as stack:
        journal = stack.enter_context(Journal.open(home))
        stack.enter_context(runner_lock(task_folder(home, spec.task.name), spec.task.name))
        known = journal.task(spec.task.name)
        if known and known.state == "succeeded" and known.digest == spec.digest and not options.restart:
            return Ended(spec.task.name, home, already_done=True)
        return Runner(spec, registry, journal, listener, confirm).run(options)


class Runner:
    """Runs a task from now, or from its time on, and again after faults that time heals."""

    def __init__(self, spec: Spec, registry: Registry, journal: Journal, listener: Listener, confirm: Confirm) -> None:
        self._spec = spec
        self._registry = registry
        self._journal = journal
        self._listener = listener
        self._confirm = confirm
        self._name = spec.task.name
        self._calm = Calm()

    def run(self, options: RunOptions) -> Ended:
        """Wait for the task's time where it has one, and run it."""
        known = self._journal.task(self._name)
        if known is not None and not options.restart and not allows(known.state, "run", is_abandoned=True):
            raise refusal(self._name, known.state, "run", is_abandoned=True)
        if not is_early(self._spec, known, options):
            return self._persist(options)
        if is_checked(self._spec, known, options):
            self._take_over()
        elif (ended := self._once(options).check(known)) is not None:
            return ended
        Waiting(self._journal, self._spec, self._listener).wait()
        # It starts anew from here: its checks are tied to how both ends were then.
        return self._persist(replace(options, restart=False))

    def _once(self, options: RunOptions) -> Run:
        return Run(self._spec, self._registry, self._journal, options, self._listener, self._confirm)

    def _take_over(self) -> None:
        """Let the journal know that this process waits now, instead of one that has ended."""
        self._journal.begin_task(
            self._name,
            spec_path=self._spec.path.resolve(),
            digest=self._spec.digest,
            migration_type=self._spec.migration_type.value,
            runner=runner_name(),
        )

    def _persist(self, options: RunOptions) -> Ended:
        """Run the task; what has begun is begun again after faults that time may heal, within `task.retry`.

        Faults of single steps are the walk's own affair. These are the others: an end that cannot be opened, a lost
        session that holds a lock or reads the marks.
        """
        patience = Patience(self._spec.task.retry_for)
        while True:
            known = self._journal.task(self._name)
            since = time.monotonic()
            try:
                return self._once(options).run(known)
            except (UnreachableError, psycopg.Error) as error:
                worked_for = time.monotonic() - since
                if not self._has_begun(known, options) or not _may_heal(error):
                    _raise(error)
                pause = patience.fault(worked_for)
                if pause is None:
                    self._give_up()
                    _raise(error)
                options = replace(options, restart=False)
                self._bear(error, pause, patience.left)

    def _has_begun(self, before: TaskRecord | None, options: RunOptions) -> bool:
        """Tell whether there is something to go on with: not an old task that was yet to be started over."""
        task = self._journal.task(self._name)
        is_old = options.restart and before is not None and task is not None and before.id == task.id
        return task is not None and task.state in RESUMABLE and not is_old

    def _bear(self, error: Exception, pause: float, left: float) -> None:
        """Wait, but not beyond what the user wants."""
        self._show_at_work()
        words = _words(error)
        if self._calm.lets_through(words):
            message = f"{words}; trying again, for up to {span_text(left)}"
            self._journal.event(self._name, "retry", message)
            self._listener.on_message(message)
        control = Control(self._journal, self._name)
        until = time.monotonic() + pause
        with on_signals(control.interrupt):
            while time.monotonic() < until:
                if (request := control.wanted()) is not None and request.what == "pause":
                    control.end_by(request)
                    self._journal.set_state(self._name, "paused")
                    control.ended("done", f"the task is paused; `dtsrun resume {self._name}` goes on")
                    raise Interrupted("the task was stopped", hint="run the same command again to continue")
                if request is not None:
                    control.answer(request, "refused", f"not while a server is away: {words}; pause it instead")
                control.wait(min(0.2, pause))

    def _show_at_work(self) -> None:
        """A task that goes on is at work even before its servers are there."""
        known = self._journal.task(self._name)
        if known is None or known.state not in AT_WORK:
            self._take_over()
            self._journal.set_state(self._name, "running")

    def _give_up(self) -> None:
        known = self._journal.task(self._name)
        if known is not None and known.state in AT_WORK:
            self._journal.set_state(self._name, "failed")


def _may_heal(error: Exception) -> bool:
    return isinstance(error, UnreachableError) or reaction(error) is Reaction.RETRY


def _raise(error: Exception) -> NoReturn:
    """Raise an error as the user is to see it: a lost session is no bug, anything else of the server is."""
    if isinstance(error, DtsrunError) or not _may_heal(error):
        raise error
    raise AccessError(_words(error), hint="run the same command again to continue") from error


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, DtsrunError) else f"a server was lost: {describe(error)}"


def _kept(spec: Spec, registry: Registry) -> Spec:
    """Return the spec with `keep` set at the ends that can keep their server."""
    source, target = (_kept_endpoint(spec.endpoint(side), registry) for side in SIDES)
    return replace(spec, source=source, target=target)


def _kept_endpoint(endpoint: Endpoint, registry: Registry) -> Endpoint:
    properties = registry.get(f"access.{endpoint.access_type}").options.get("properties", {})
    return replace(endpoint, access={**endpoint.access, "keep": True}) if "keep" in properties else endpoint
