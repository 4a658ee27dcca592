"""States of a task, and what each allows: data that every face reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from dtsrun.errors import SpecError

OPERATIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "run": "run its spec: continue it, or begin anew where it is finished",
        "resume": "continue it by its name; with --now, start it before its time",
        "check": "make the prechecks alone",
        "pause": "stop it cleanly; what is finished is kept, what follows the source keeps its position",
        "complete": "hand over: fence, drain, prove, align, and remove what was made for it",
        "repair": "mend what has drifted while changes are followed",
        "verify": "compare both ends",
        "stop": "end it for good, and remove what it made for itself on both servers",
        "cleanup": "remove what it made for itself on both servers",
        "delete": "forget it: its journal, log and reports too",
    }
)
"""What can be asked of a task: word of the command line -> what it does."""

_LEFT: Final = frozenset({"run", "resume", "check", "verify", "stop", "cleanup", "delete"})
_BEFORE: Final = frozenset({"run", "resume", "check", "stop", "cleanup", "delete"})


@dataclass(frozen=True, kw_only=True, slots=True)
class State:
    """A state of a task."""

    meaning: str
    allows: frozenset[str] = frozenset()
    """Operations that may be asked for."""
    without_runner: frozenset[str] | None = None
    """Operations where the runner that the state speaks of is gone (it was killed); None: the state speaks of none."""


STATES: Final[Mapping[str, State]] = MappingProxyType(
    {
        "creating": State(
            meaning="a runner reads the spec and opens both ends",
            allows=frozenset({"pause", "stop"}),
            without_runner=_BEFORE,
        ),
        "checking": State(
            meaning="a runner makes the prechecks", allows=frozenset({"pause", "stop"}), without_runner=_BEFORE
        ),
        "check_failed": State(meaning="a precheck stands in the way; nothing was made", allows=_BEFORE),
        "check_passed": State(meaning="nothing stands in the way; nothing was made", allows=_BEFORE),
        "scheduled": State(
            meaning="checked; a runner waits for the time that the spec names",
            allows=frozenset({"resume", "stop"}),
            without_runner=_BEFORE,
        ),
        "running": State(
            meaning="a runner moves structure and rows", allows=frozenset({"pause", "stop"}), without_runner=_LEFT
        ),
        "syncing": State(
            meaning="everything is copied; changes of the source are followed",
            allows=frozenset({"pause", "complete", "repair", "verify", "stop"}),
            without_runner=_LEFT,
        ),
        "completing": State(
            meaning="a runner hands over to the target",
            allows=frozenset({"pause", "complete"}),
            without_runner=_LEFT,
        ),
        "succeeded": State(meaning="done", allows=frozenset({"run", "verify", "cleanup", "delete"})),
        "pausing": State(meaning="a runner stops cleanly", without_runner=_LEFT),
        "paused": State(meaning="stopped cleanly; it can go on", allows=_LEFT),
        "stopping": State(
            meaning="a runner ends it for good and removes what it made for itself",
            # Half of what it works with may be gone: it can only be ended, never continued.
            without_runner=frozenset({"stop", "cleanup", "delete"}),
        ),
        "stopped": State(meaning="ended for good; what it moved stays", allows=frozenset({"run", "delete"})),
        "failed": State(meaning="it came to an end, but not all of it could be done; it can go on", allows=_LEFT),
    }
)
"""Every state by its name."""

AT_WORK: Final = frozenset(name for name, state in STATES.items() if state.without_runner is not None)
"""States in which a process works at the task, or waits for its time, unless it was killed."""

FINISHED: Final = frozenset({"succeeded", "stopped"})
"""States after which a new task of the same name may begin."""

RESUMABLE: Final = frozenset({"running", "syncing", "completing", "pausing", "paused", "failed"})
"""States in which a plan has begun to be carried out."""

UNBEGUN: Final = frozenset({"creating", "checking", "check_failed", "check_passed", "scheduled"})
"""States in which nothing is made on the target yet."""


def allowed(state: str, *, is_abandoned: bool = False) -> frozenset[str]:
    """Return the operations that a state allows. `is_abandoned`: its runner is gone without having ended it."""
    known = STATES[state]
    if is_abandoned and known.without_runner is not None:
        return known.without_runner
    return known.allows


def allows(state: str, operation: str, *, is_abandoned: bool = False) -> bool:
    """Tell whether an operation may be asked for in a state."""
    return operation in allowed(state, is_abandoned=is_abandoned)


def in_order(operations: Iterable[str]) -> tuple[str, ...]:
    """Return operations in the order in which they are documented."""
    chosen = frozenset(operations)
    return tuple(name for name in OPERATIONS if name in chosen)


def refusal(task: str, state: str, operation: str, *, is_abandoned: bool = False) -> SpecError:
    """Return the error that says why an operation is refused, and what is allowed."""
    words = state.replace("_", " ") + (", and its runner is gone" if is_abandoned else "")
    choices = in_order(allowed(state, is_abandoned=is_abandoned))
    may = f"allowed now: {', '.join(choices)}" if choices else f"wait until it is {_next(state)}"
    return SpecError(f"task {task} is {words}: it cannot be asked to {operation}", hint=may)


def _next(state: str) -> str:
    return {"pausing": "paused", "stopping": "stopped"}.get(state, "further")
