"""States of a task, and what each allows: data that every face reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    "creating": frozenset({"pause", "delete"}),
    "checking": frozenset({"pause"}),
    "check_failed": frozenset({"run", "check", "cleanup", "delete"}),
    "check_passed": frozenset({"run", "check", "cleanup", "delete"}),
    "scheduled": frozenset({"run", "stop", "delete"}),
    "running": frozenset({"pause"}),
    "syncing": frozenset({"pause", "complete", "stop"}),
    "completing": frozenset({"pause"}),
    "pausing": frozenset(),
    "paused": frozenset({"run", "check", "verify", "cleanup", "delete"}),
    "stopping": frozenset(),
    "stopped": frozenset({"run", "delete"}),
    "failed": frozenset({"run", "check", "verify", "cleanup", "delete"}),
    "succeeded": frozenset({"run", "verify", "cleanup", "delete"}),
}
"""State -> operations that it allows."""

FINISHED: Final = frozenset({"succeeded", "stopped"})
"""States after which a new task of the same name may begin."""

RESUMABLE: Final = frozenset({"running", "paused", "failed"})
"""States in which a plan has begun to be carried out."""

UNBEGUN: Final = frozenset({"creating", "checking", "check_failed", "check_passed"})
"""States in which nothing is made on the target yet."""


def allows(state: str, operation: str) -> bool:
    """Tell whether an operation may be asked for in a state."""
    return operation in ALLOWED[state]
