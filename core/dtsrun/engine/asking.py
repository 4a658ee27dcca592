"""Asks a running task for something from another terminal, and waits for what comes of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dtsrun.api import MigrationType
from dtsrun.engine.ends import home_folder, task_folder
from dtsrun.engine.lock import holder
from dtsrun.engine.states import AT_WORK, allows, refusal
from dtsrun.errors import MigrationError, SpecError
from dtsrun.journal import Journal, Request, TaskRecord

LOOK_SECONDS: Final = 0.2
"""Between two looks at what became of a request: a person waits."""

ACCEPT_SECONDS: Final = 120.0
"""How long a runner may be busy with something else (an inventory, checks) before it takes up a request."""


@dataclass(frozen=True, slots=True)
class Known:
    """A task as its journal knows it, and whether anybody works at it."""

    task: TaskRecord
    runner: str | None
    """host:pid of the process that works at it on this machine; None: nobody does."""

    @property
    def is_abandoned(self) -> bool:
        """Whether its state speaks of a runner that is gone."""
        return self.task.state in AT_WORK and self.runner is None

    def allow(self, operation: str) -> None:
        """Raise SpecError where the task's state does not allow an operation."""
        if not allows(self.task.state, operation, is_abandoned=self.is_abandoned):
            raise refusal(self.task.name, self.task.state, operation, is_abandoned=self.is_abandoned)


def spec_of(name: Path) -> Path:
    """Return the spec behind the name of a file or of a task. Raises SpecError."""
    if name.exists():
        return name
    with Journal.open(home_folder()) as journal:
        task = journal.task(str(name))
    if task is None:
        raise SpecError(f"there is no file and no task {str(name)!r}", hint="dtsrun list shows the tasks")
    return Path(task.spec_path)


def look_up(journal: Journal, name: str) -> Known:
    """Return what is known of a task. Raises SpecError where there is none of this name."""
    task = journal.task(name)
    if task is None:
        raise SpecError(f"there is no task {name!r}", hint="dtsrun list shows the tasks")
    return Known(task, holder(task_folder(journal.home, name)))


def ask(
    journal: Journal,
    known: Known,
    what: str,
    arguments: Mapping[str, Any] | None = None,
    *,
    accept_within: float = ACCEPT_SECONDS,
) -> Iterator[str]:
    """Ask the runner of a task for something; yield what it answers until its last word.

    Raises:
        SpecError: it was refused; says what is allowed.
        MigrationError: it failed, nobody took it up in time, or the runner ended without a word.
    """
    known.allow(what)
    if known.runner is None:
        raise _nobody(known)
    number = journal.requests.ask(known.task.name, what, arguments)
    try:
        yield from _answers(journal, known, number, accept_within)
    finally:
        # Whoever stops waiting, by Ctrl-C too, leaves nothing behind that is taken up later; what was accepted goes on.
        journal.requests.withdraw(number)


def complete(name: str, arguments: Mapping[str, Any], *, accept_within: float = ACCEPT_SECONDS) -> Iterator[str]:
    """Complete a task; yield what there is to say. Safe to repeat: what is complete stays so, and what is under way is
    waited for.

    Raises:
        SpecError: it was refused; says what is allowed.
        MigrationError: it was called off, or nobody works at the task.
    """
    with Journal.open(home_folder()) as journal:
        known = look_up(journal, name)
        follows = known.task.migration_type == MigrationType.FULL_INCREMENTAL
        if follows and known.task.state == "succeeded":
            yield f"task {name} is complete since {known.task.finished_at:%Y-%m-%d %H:%M:%S %z}"
            return
        if known.task.state != "completing" or known.runner is None:
            try:
                yield from ask(journal, known, "complete", arguments, accept_within=accept_within)
                return
            except SpecError:
                # Somebody else may have asked a moment before.
                if look_up(journal, name).task.state != "completing":
                    raise
        yield "completion is under way already, on the terms that it was asked for with; waiting for it"
        yield from _until_completed(journal, name)


def _until_completed(journal: Journal, name: str) -> Iterator[str]:
    phases = _Phases(journal, name)
    yield from phases.now
    while (known := look_up(journal, name)).task.state == "completing":
        if known.runner is None:
            raise _nobody(known)
        yield from phases.new()
        time.sleep(LOOK_SECONDS)
    yield from phases.new()
    if known.task.state == "succeeded":
        yield "the task is complete"
        return
    words = [event.message for event in journal.events(name) if event.kind == "called off"]
    why = words[-1] if words and known.task.state == "syncing" else f"it is {known.task.state.replace('_', ' ')}"
    raise MigrationError(f"task {name} could not complete: {why}", hint=f"dtsrun events {name} says what happened")


class _Phases:
    """The phases of a completion, as the journal tells them: some are over sooner than anybody looks."""

    def __init__(self, journal: Journal, name: str) -> None:
        self._journal = journal
        self._name = name
        self._last = 0
        self.now: Sequence[str] = [*self.new()][-1:]
        """The phase that had begun by then; empty where there was none."""

    def new(self) -> Iterator[str]:
        """Yield the phases that have begun since the last look."""
        for event in self._journal.events(self._name, after=self._last):
            self._last = event.id
            if event.kind == "completing":
                yield event.message


def _answers(journal: Journal, known: Known, number: int, accept_within: float) -> Iterator[str]:
    until = time.monotonic() + accept_within
    said = ""
    phases = _Phases(journal, known.task.name)
    while True:
        # Looked for before the request is read: what a runner says with its last breath is still seen.
        runner = holder(task_folder(journal.home, known.task.name))
        request = journal.requests.get(number)
        if request is None:
            return  # the task was forgotten, and with it what was asked
        if request.what == "complete":
            yield from phases.new()
        told = ("done",) if request.what == "complete" else ("accepted", "done")
        if request.message and request.message != said and request.state in told:
            said = request.message
            yield said
        if request.is_ended:
            _raise_unless_done(request)
            return
        if runner is None:
            raise _ended_silently(journal, known, request)
        if request.state == "asked" and time.monotonic() > until:
            raise MigrationError(
                f"{runner} did not take up the request to {request.what} within {accept_within:g} s",
                hint=f"nothing was changed; see what it does with: dtsrun show {known.task.name} --follow",
            )
        time.sleep(LOOK_SECONDS)


def _raise_unless_done(request: Request) -> None:
    if request.state == "refused":
        raise SpecError(f"task {request.task} refused to {request.what}: {request.message}")
    if request.state == "failed":
        raise MigrationError(f"task {request.task} could not {request.what}: {request.message}")


def _nobody(known: Known) -> MigrationError:
    name = known.task.name
    words = known.task.state.replace("_", " ")
    return MigrationError(
        f"nobody works at task {name} on this machine: it is {words}, and its last runner was {known.task.runner}",
        hint=f"`dtsrun resume {name} --detach` sets a runner to it",
    )


def _ended_silently(journal: Journal, known: Known, request: Request) -> MigrationError:
    task = journal.task(known.task.name) or known.task
    words = task.state.replace("_", " ")
    failures = [event.message for event in journal.events(task.name) if event.kind == "failure"]
    if task.state == "failed" and failures:
        words += f": {failures[-1]}"
    return MigrationError(
        f"the runner of task {task.name} ended before it answered the request to {request.what}; the task is {words}",
        hint=f"dtsrun events {task.name} says what happened",
    )
