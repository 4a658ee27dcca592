"""The page on a task's states, made from the data that every command reads."""

from __future__ import annotations

from collections.abc import Iterable

from dtsrun.engine.states import OPERATIONS, STATES, State, in_order
from dtsrun.report.reference.markdown import page, table

LIFE = """\
    creating -> checking -> check_failed
                         -> check_passed [-> scheduled] -> running [-> syncing -> completing] -> succeeded | failed

    beside them: pausing -> paused, stopping -> stopped"""


def states_page() -> str:
    """Return the states of a task, and what each allows."""
    headers = ("state", "meaning", "allows", "where its runner is gone")
    text = (
        "`dtsrun list` and `dtsrun show` tell the state of a task, and in JSON what it allows (`allowed`). A request"
        " that the state does not allow is refused with what is allowed."
    )
    states, operations = table(headers, _state_rows()), table(("operation", "what it does"), _operation_rows())
    return page("# States of a task", text, LIFE, states, "## Operations", operations)


def _state_rows() -> list[tuple[str, str, str, str]]:
    """Return every state with its meaning, what it allows, and what it allows where its runner was killed."""
    return [(f"`{name}`", state.meaning, _codes(state.allows), _alone(state)) for name, state in STATES.items()]


def _operation_rows() -> list[tuple[str, str]]:
    """Return every operation with what it does."""
    return [(f"`{name}`", words) for name, words in OPERATIONS.items()]


def _alone(state: State) -> str:
    return "" if state.without_runner is None else _codes(state.without_runner)


def _codes(operations: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in in_order(operations)) or "nothing: wait"
