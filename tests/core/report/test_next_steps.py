"""What is suggested fits the state, and names commands that exist."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from dtsrun.cli import COMMANDS
from dtsrun.engine.states import STATES, allows
from dtsrun.journal import TaskRecord
from dtsrun.report.next_steps import next_steps


def task(state: str, migration_type: str = "full") -> TaskRecord:
    return TaskRecord(
        name="shop",
        id="1",
        state=state,
        spec_path="shop.yaml",
        digest="",
        migration_type=migration_type,
        started_at=datetime.now(UTC),
        finished_at=None,
        runner="r:1",
    )


def suggested(state: str, **facts: bool) -> tuple[str, ...]:
    return next_steps(task(state), **{"moved": True, "failed": False, "different": False, **facts})


@pytest.mark.parametrize("state", STATES)
def test_every_suggested_command_exists(state: str) -> None:
    for text in suggested(state):
        for word in re.findall(r"`dtsrun ([^`\s]+)", text):
            assert word in COMMANDS or word == "shop.yaml"


@pytest.mark.parametrize("state", STATES)
def test_nothing_is_suggested_that_the_state_forbids(state: str) -> None:
    for text in suggested(state):
        for operation in re.findall(r"`dtsrun (cleanup|pause|resume|complete|stop|delete|verify)", text):
            assert allows(state, operation)


@pytest.mark.parametrize("state", STATES)
def test_every_state_has_something_to_suggest(state: str) -> None:
    assert suggested(state)


def test_failures_come_before_everything() -> None:
    first, *rest = suggested("failed", failed=True, different=True)
    assert first == "mend what failed, then run `dtsrun shop.yaml` again: what is finished is kept"
    assert "dtsrun verify shop.yaml" in rest[0]


def test_a_success_says_of_which_moment_the_rows_are() -> None:
    assert suggested("succeeded")[0].startswith("rows are those of the copy's snapshot")


def test_a_structural_task_has_no_rows_to_speak_of() -> None:
    texts = next_steps(task("succeeded", "structural"), moved=True, failed=False, different=False)
    assert texts == ("`dtsrun verify shop.yaml` compares both ends again at any time",)


def test_a_mere_comparison_leaves_nothing_to_do() -> None:
    assert suggested("succeeded", moved=False) == ()
    assert suggested("failed", moved=False, different=True)[0].startswith("look into the differences")


def test_after_a_cutover_the_target_is_the_one_to_use_and_the_fence_can_be_lifted():
    texts = next_steps(task("succeeded", "full_incremental"), moved=True, failed=False, different=False)
    assert "every change until the cutover" in texts[0]
    assert "`dtsrun cleanup" in texts[1]
    assert not any("snapshot" in text for text in texts)
