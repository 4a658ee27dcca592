"""The list of tasks."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import StepResult
from dtsrun.journal import Journal
from dtsrun.report.tasks import is_gone, task_lines, tasks_text

MB = 1024 * 1024


@pytest.fixture
def dead_runner() -> str:
    """The name of a runner that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return f"{socket.gethostname()}:{process.pid}"


def test_a_task_is_one_line(moved: Any) -> None:
    now = datetime(2026, 11, 22, 15, 3, 11, tzinfo=UTC)
    head, line = tasks_text(task_lines(moved.journal), now).splitlines()
    assert head.split() == ["task", "state", "type", "started", "progress", "steps", "copied", "spec"]
    assert re.split(r" {2,}", line) == [
        "shop-to-cloud",
        "succeeded",
        "full",
        "1 h 00 min ago",
        "100%",
        "6/6",
        "250 MB",
        "shop.yaml",
    ]


def test_no_task_is_said_with_what_to_do(journal: Journal) -> None:
    assert "dtsrun SPEC" in tasks_text(task_lines(journal), datetime.now(UTC))


def test_failed_steps_are_counted(troubled: Any) -> None:
    (line,) = task_lines(troubled.journal)
    assert (line.steps, line.done, line.failed) == (4, 3, 1)
    assert "3/4, 1 failed" in tasks_text([line], datetime.now(UTC))


def test_progress_goes_by_size_where_sizes_are_known(story: Any) -> None:
    story.begin()
    story.plan(("full", "object.tables", "copy a"), ("full", "object.tables", "copy b"))
    with story.journal._transaction():
        story.journal._run("update step set size = 300 where title = 'copy a'")
        story.journal._run("update step set size = 100 where title = 'copy b'")
    story.run("copy a", 0, 1, StepResult(bytes=250))
    (line,) = task_lines(story.journal)
    assert (line.fraction, line.bytes) == (0.75, 250)


def test_progress_goes_by_steps_where_they_have_no_size(story: Any) -> None:
    story.begin()
    story.plan(*(("structure", "stage.structure", f"batch {i}") for i in range(4)))
    story.run("batch 0", 0, 1)
    assert task_lines(story.journal)[0].fraction == 0.25


def test_a_task_without_a_plan_has_no_progress(story: Any) -> None:
    story.begin()
    (line,) = task_lines(story.journal)
    assert line.fraction is None
    assert "  -  " in tasks_text([line], datetime.now(UTC))


def test_a_task_whose_runner_was_killed_says_so(journal: Journal, dead_runner: str) -> None:
    journal.begin_task("shop", spec_path=Path("s"), digest="", migration_type="full", runner=dead_runner)
    journal.set_state("shop", "running")
    (line,) = task_lines(journal)
    assert line.is_abandoned
    assert "running (its runner is gone)" in tasks_text([line], datetime.now(UTC) + timedelta(hours=1))


def test_a_finished_task_needs_no_runner(journal: Journal, dead_runner: str) -> None:
    journal.begin_task("shop", spec_path=Path("s"), digest="", migration_type="full", runner=dead_runner)
    journal.set_state("shop", "succeeded")
    assert not task_lines(journal)[0].is_abandoned


def test_a_runner_that_lives_is_not_gone() -> None:
    assert not is_gone(f"{socket.gethostname()}:{os.getpid()}")


def test_a_runner_that_ended_unnoticed_is_gone() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.read()  # it closes this as it ends; nobody has waited for it yet
    deadline = time.monotonic() + 10
    while not is_gone(f"{socket.gethostname()}:{child.pid}") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert is_gone(f"{socket.gethostname()}:{child.pid}")
    child.communicate()


def test_a_runner_that_ended_is_gone(dead_runner: str) -> None:
    assert is_gone(dead_runner)


@pytest.mark.parametrize("runner", ["elsewhere:1", "", "no-pid", f"{socket.gethostname()}:x"])
def test_of_other_machines_nothing_is_claimed(runner: str) -> None:
    assert not is_gone(runner)
