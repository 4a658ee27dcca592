"""A task that another process runs is shown as if it ran here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dtsrun.api import Lane, Step, StepResult
from dtsrun.journal import Journal
from dtsrun.postgres.session import runner_name
from dtsrun.report.attached import Attached, exit_code

STEPS = [
    Step(
        key=f"shop/full/{name}",
        stage="full",
        plugin="object.tables",
        action="copy",
        database="shop",
        lane=Lane.COPY,
        size=1000,
    )
    for name in ("orders", "customers")
]
ORDERS, CUSTOMERS = (step.key for step in STEPS)


class Heard:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def on_plan(self, steps: Sequence[Step]) -> None:
        self.calls.append(("plan", *(step.key for step in steps)))

    def on_step(self, key: str, state: str) -> None:
        self.calls.append(("step", key, state))

    def on_progress(self, key: str, rows: int, bytes: int) -> None:
        self.calls.append(("progress", key, rows, bytes))

    def on_message(self, text: str) -> None:
        self.calls.append(("message", text))

    def on_held(self, why: str) -> None:
        self.calls.append(("held", why))

    def close(self) -> None:
        """Nothing is open."""

    def new(self) -> list[tuple[object, ...]]:
        calls, self.calls = self.calls, []
        return calls


@pytest.fixture
def work(tmp_path: Path):
    """A journal in the hands of a runner, and who follows it from another terminal."""
    with Journal.open(tmp_path) as journal, Journal.open(tmp_path) as other:
        journal.begin_task("t", spec_path=Path("t.yaml"), digest="d", migration_type="full", runner=runner_name())
        heard = Heard()
        yield journal, Attached(other, "t", heard), heard


def test_what_happens_is_told_once_with_what_is_new_of_it(work) -> None:
    journal, attached, heard = work
    journal.set_state("t", "running")
    journal.save_plan("t", STEPS, [asdict(step) for step in STEPS])
    journal.step_started("t", ORDERS, "copy", 1)
    attached.look()
    told = heard.new()
    assert told == [("message", "the task is running"), ("plan", ORDERS, CUSTOMERS), ("step", ORDERS, "running")]
    journal.steps_progress("t", {ORDERS: (10, 100)})
    attached.look()
    journal.steps_progress("t", {ORDERS: (30, 350)})
    attached.look()
    assert heard.new() == [("progress", ORDERS, 10, 100), ("progress", ORDERS, 20, 250)]
    journal.step_finished("t", ORDERS, "done", StepResult(rows=40, bytes=400))
    attached.look()
    attached.look()
    assert heard.new() == [("step", ORDERS, "done")]


def test_a_step_that_is_tried_again_begins_anew(work) -> None:
    journal, attached, heard = work
    journal.save_plan("t", STEPS, [asdict(step) for step in STEPS])
    journal.step_started("t", ORDERS, "copy", 1)
    journal.steps_progress("t", {ORDERS: (10, 100)})
    attached.look()
    heard.new()
    journal.step_put_back("t", ORDERS)
    journal.step_started("t", ORDERS, "copy", 1)
    journal.steps_progress("t", {ORDERS: (3, 30)})
    attached.look()
    assert heard.new() == [("step", ORDERS, "running"), ("progress", ORDERS, 3, 30)]


def test_following_ends_with_the_task_and_not_before(work) -> None:
    journal, attached, heard = work
    journal.set_state("t", "running")
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 3:
            journal.set_state("t", "succeeded")

    task = attached.follow(sleep)
    assert task is not None
    assert (task.state, len(looks)) == ("succeeded", 3)
    assert heard.new()[-1] == ("message", "the task succeeded")


def test_what_happened_before_is_not_told_again(work) -> None:
    journal, _, heard = work
    journal.event("t", "state", "long ago")
    Attached(journal, "t", heard).look()
    assert heard.new() == []


def test_a_deleted_task_ends_the_following(work) -> None:
    journal, attached, _ = work
    journal.forget_task("t")
    assert attached.follow(lambda seconds: None) is None


@pytest.mark.parametrize(
    ("state", "different", "failed", "code"),
    [
        ("succeeded", False, False, 0),
        ("failed", False, True, 5),
        ("failed", True, False, 7),
        ("failed", True, True, 5),
        ("check_failed", False, False, 6),
        ("paused", False, False, 130),
        ("stopped", False, False, 130),
        ("running", False, False, 130),
    ],
)
def test_it_returns_what_the_run_itself_returns(work, state: str, different: bool, failed: bool, code: int) -> None:
    journal, _, _ = work
    task = replace(journal.task("t"), state=state)
    assert exit_code(task, different=different, failed=failed) == code
