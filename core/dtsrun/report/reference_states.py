"""The reference of a task's states, made from the data that every command reads."""

from __future__ import annotations

from collections.abc import Iterable

from dtsrun.engine.states import OPERATIONS, STATES, State, in_order

LIFE = """\
    creating -> checking -> check_failed
                         -> check_passed [-> scheduled] -> running [-> syncing -> completing] -> succeeded | failed

    beside them: pausing -> paused, stopping -> stopped"""


def state_rows() -> list[tuple[str, str, str, str]]:
    """Return every state with its meaning, what it allows, and what it allows where its runner was killed."""
    return [(f"`{name}`", state.meaning, _codes(state.allows), _alone(state)) for name, state in STATES.items()]


def operation_rows() -> list[tuple[str, str]]:
    """Return every operation with what it does."""
    return [(f"`{name}`", words) for name, words in OPERATIONS.items()]


def _alone(state: State) -> str:
    return "" if state.without_runner is None else _codes(state.without_runner)


def _codes(operations: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in in_order(operations)) or "nothing: wait"
