"""What a run of a task and whoever shows it say to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from dtsrun.api import CheckResult, Step
from dtsrun.engine.policy import Ties
from dtsrun.errors import DtsrunError


class Listener(Protocol):
    """Who shows the user what happens. `on_progress` comes from several threads."""

    def on_plan(self, steps: Sequence[Step]) -> None: ...
    def on_step(self, key: str, state: str) -> None: ...
    def on_progress(self, key: str, rows: int, bytes: int) -> None: ...
    def on_message(self, text: str) -> None: ...
    def on_held(self, why: str) -> None:
        """Copies are held, and why; empty: no longer."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What the command line says beside the spec."""

    restart: bool = False
    keep: bool = False
    now: bool = False
    """Whether to start without regard to `task.run`."""
    only_check: bool = False
    only: Sequence[str] = ()
    skip: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended; the journal has the rest."""

    task: str
    home: Path
    already_done: bool = False
    checks: Sequence[CheckResult] = ()
    error: DtsrunError | None = None
    """What the exit code comes from; None: all went well."""
    ties: Ties | None = None
    """What the checks are tied to, after checking alone."""
    databases: Mapping[str, str] = field(default_factory=dict)
    """What was checked: databases by name with those of the target, after checking alone."""


Confirm = Callable[[Sequence[CheckResult]], bool]
"""Asked whether to go on in spite of alarms."""
