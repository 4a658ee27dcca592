"""States and what they allow."""

from __future__ import annotations

import pytest

from dtsrun.cli import COMMANDS
from dtsrun.engine.states import AT_WORK, FINISHED, OPERATIONS, RESUMABLE, STATES, UNBEGUN, allowed, refusal


@pytest.mark.parametrize("state", STATES)
def test_every_allowed_operation_is_documented(state: str) -> None:
    assert allowed(state) <= set(OPERATIONS)
    assert allowed(state, is_abandoned=True) <= set(OPERATIONS)


def test_every_operation_but_repair_has_a_command() -> None:
    assert set(OPERATIONS) - set(COMMANDS) <= {"repair"}


def test_a_state_is_either_unbegun_resumable_or_at_its_end() -> None:
    assert UNBEGUN | RESUMABLE | FINISHED | {"stopping"} == set(STATES)
    assert not UNBEGUN & RESUMABLE


@pytest.mark.parametrize("state", sorted(AT_WORK - {"stopping"}))
def test_what_a_killed_runner_left_can_go_on_or_be_ended(state: str) -> None:
    assert {"run", "resume", "stop", "delete"} <= allowed(state, is_abandoned=True)


def test_a_task_that_is_half_stopped_can_only_be_ended() -> None:
    assert allowed("stopping", is_abandoned=True) == {"stop", "cleanup", "delete"}
    assert not allowed("stopping")


def test_a_refusal_names_the_state_and_what_is_allowed() -> None:
    error = refusal("shop", "running", "delete")
    assert str(error) == "task shop is running: it cannot be asked to delete"
    assert error.hint == "allowed now: pause, stop"
    assert refusal("shop", "pausing", "stop").hint == "wait until it is paused"
    assert "its runner is gone" in str(refusal("shop", "running", "pause", is_abandoned=True))
