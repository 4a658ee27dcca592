"""The tasks of a journal, one a line."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dtsrun.engine.states import AT_WORK, allowed, in_order
from dtsrun.journal import Journal, StepRecord, TaskRecord
from dtsrun.report.columns import columns
from dtsrun.report.figures import ago_text, moment_text, percent_text, size_text
from dtsrun.report.tracker import WEIGHED


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskLine:
    """What a list says of a task."""

    name: str
    state: str
    is_abandoned: bool
    """Whether its runner is gone without having ended it."""
    allowed: tuple[str, ...]
    """What may be asked for in its state."""
    starts_at: datetime | None
    """When it starts, while it waits for its time."""
    migration_type: str
    spec_path: str
    started_at: datetime
    finished_at: datetime | None
    steps: int
    done: int
    failed: int
    bytes: int
    """Bytes that were copied."""
    fraction: float | None
    """How much of the work is done, by the sizes of its steps; None where there is no plan yet."""


def task_lines(journal: Journal) -> list[TaskLine]:
    """Return a line for each task, the newest first."""
    return [_line(task, journal.steps(task.name)) for task in journal.tasks()]


def tasks_text(lines: Sequence[TaskLine], now: datetime) -> str:
    """Return the list as a table."""
    if not lines:
        return "no task was ever run here; begin with: dtsrun SPEC"
    headers = ("task", "state", "type", "started", "progress", "steps", "copied", "spec")
    return "\n".join(columns([_cells(line, now) for line in lines], headers=headers, indent=0))


def is_gone(runner: str) -> bool:
    """Tell whether a runner (`host:pid`) of this machine has ended; of another machine's nothing is known."""
    host, _, pid = runner.rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False  # it lives, and belongs to somebody else
    return _is_zombie(int(pid))


def _is_zombie(pid: int) -> bool:
    """Tell whether a process has ended and waits for whoever started it to notice: in a container that may be never."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] == ["Z"]


def is_abandoned(task: TaskRecord) -> bool:
    """Tell whether a task says that it is being worked at, and nobody does."""
    return task.state in AT_WORK and is_gone(task.runner)


def allowed_of(task: TaskRecord) -> tuple[str, ...]:
    """Return the operations that may be asked for, in the order in which they are documented."""
    return in_order(allowed(task.state, is_abandoned=is_abandoned(task)))


def starts_at(task: TaskRecord) -> datetime | None:
    """Return when a task that waits for its time starts."""
    text = task.summary.get("starts_at") if task.state == "scheduled" else None
    return datetime.fromisoformat(text) if text else None


def state_text(state: str, abandoned: bool, start: datetime | None = None) -> str:
    """Return a state in words."""
    when = f" for {moment_text(start)}" if start else ""
    return state.replace("_", " ") + when + (" (its runner is gone)" if abandoned else "")


def _line(task: TaskRecord, steps: Sequence[StepRecord]) -> TaskLine:
    return TaskLine(
        name=task.name,
        state=task.state,
        is_abandoned=is_abandoned(task),
        allowed=allowed_of(task),
        starts_at=starts_at(task),
        migration_type=task.migration_type,
        spec_path=task.spec_path,
        started_at=task.started_at,
        finished_at=task.finished_at,
        steps=len(steps),
        done=sum(step.state == "done" for step in steps),
        failed=sum(step.state == "failed" for step in steps),
        bytes=sum(step.bytes for step in steps if step.stage == "full"),
        fraction=_fraction(steps),
    )


def _fraction(steps: Sequence[StepRecord]) -> float | None:
    if not steps:
        return None
    done = [step for step in steps if step.state == "done"]
    if len(done) == len(steps):
        return 1.0
    by_count = len(done) / len(steps)
    sizes = _size(steps)
    return min(0.99, _size(done) / sizes if sizes else by_count)


def _size(steps: Iterable[StepRecord]) -> int:
    return sum(step.size for step in steps if step.lane in WEIGHED)


def _cells(line: TaskLine, now: datetime) -> tuple[str, ...]:
    failed = f", {line.failed} failed" if line.failed else ""
    return (
        line.name,
        state_text(line.state, line.is_abandoned, line.starts_at),
        line.migration_type,
        ago_text(line.started_at, now),
        percent_text(line.fraction),
        f"{line.done}/{line.steps}{failed}" if line.steps else "-",
        size_text(line.bytes or None),
        line.spec_path,
    )
