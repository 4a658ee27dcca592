"""`dtsrun events TASK`."""

from __future__ import annotations

import json
import threading
import time

import pytest

from dtsrun.cli import main
from dtsrun.journal import Journal


def test_events_are_lines_in_order(task: str, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    journal.event(task, "retry", "57P01: terminated", step="shop/full/orders")
    assert main(["events", task]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("  state      the task is paused")
    assert second.endswith("  retry      57P01: terminated  [shop/full/orders]")


def test_json_is_one_object_a_line(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", task, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == {"state": "paused"}


def test_an_unknown_task_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", "nope"]) == 2
    assert "there is no task 'nope'" in capsys.readouterr().err


def test_following_a_task_that_nobody_works_at_ends_at_once(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["events", task, "--follow"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_following_a_task_whose_runner_was_killed_ends_at_once(
    task: str, journal: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    journal.set_state(task, "running")
    monkeypatch.setattr("dtsrun.report.tasks.is_gone", lambda _: True)
    assert main(["events", task, "--follow"]) == 0
    assert capsys.readouterr().out


def test_following_shows_what_comes_until_the_end(
    task: str, journal: Journal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("dtsrun.cli.events.POLL_SECONDS", 0.01)
    journal.set_state(task, "running")

    def work() -> None:
        for number in range(3):
            time.sleep(0.05)
            journal.event(task, "note", f"event {number}")
        journal.set_state(task, "succeeded")

    worker = threading.Thread(target=work)
    worker.start()
    code = main(["events", task, "--follow"])
    worker.join()
    assert code == 0
    endings = [line.split()[-1] for line in capsys.readouterr().out.splitlines()]
    assert endings == ["paused", "running", "0", "1", "2", "succeeded"]
