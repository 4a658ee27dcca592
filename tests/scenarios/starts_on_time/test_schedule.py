"""`task.run` names a time: the task is checked at once, waits, and starts on time, whatever becomes of its runner."""

from __future__ import annotations

import json
import signal
from datetime import UTC, datetime, timedelta

import pytest
from runs import Bench, is_message

WAITS = is_message("nothing stands in the way; the task starts at")


def at(seconds: float) -> dict[str, str]:
    """Return a task's time, some seconds from now, as it is told in India."""
    moment = datetime.now(UTC) + timedelta(seconds=seconds)
    return {"run": (moment + timedelta(hours=5, minutes=30)).strftime("%Y-%m-%dT%H:%M:%S+05:30")}


@pytest.fixture
def shop(bench: Bench) -> Bench:
    bench.seed("small_shop.sql")
    return bench


def test_it_is_checked_at_once_and_starts_on_time(shop: Bench) -> None:
    spec = shop.spec(settings=at(15))
    due = datetime.fromisoformat(at(0)["run"]) + timedelta(seconds=15)
    running = shop.start(spec)
    assert running.wait_for(WAITS)
    assert shop.task().state == "scheduled"
    assert shop.databases() == {"postgres"}
    assert shop.sessions_left() == []
    (line,) = json.loads(shop.run("list", "--json").out)
    assert line["allowed"] == ["resume", "stop"]
    assert abs(datetime.fromisoformat(line["starts_at"]) - due) < timedelta(seconds=2)
    assert "move: scheduled for " in shop.run("show", "move").out
    assert running.end().code == 0
    with shop.journal() as journal:
        (begun,) = [event.at for event in journal.events("move") if event.message == "the task is running"]
        checked = [event for event in journal.events("move") if event.message == "the checks passed"]
    assert due - timedelta(seconds=1.5) <= begun < due + timedelta(seconds=30)
    assert len(checked) == 2
    assert shop.differences() == []


def test_a_spec_that_cannot_run_says_so_at_once(shop: Bench) -> None:
    shop.on_target(None, "create database shop")
    shop.on_target("shop", "create schema sales; create table sales.orders (id int)")
    shop.on_source("shop", "create schema if not exists sales; create table if not exists sales.orders (id int)")
    refused = shop.run(shop.spec(settings=at(3600)))
    assert refused.code == 6, refused.said
    assert shop.task().state == "check_failed"


def test_of_a_task_that_was_done_nothing_is_left_when_it_waits_again(shop: Bench) -> None:
    assert shop.run(shop.spec()).code == 0
    waiting = shop.start(shop.spec(settings=at(3600), migration={"on_conflict": "drop"}), "--yes")
    assert waiting.wait_for(WAITS), waiting.end().said
    with shop.journal() as journal:
        assert journal.steps("move") == []
    waiting.send(signal.SIGTERM)
    waiting.end()


def test_a_killed_runner_does_not_lose_the_time(shop: Bench) -> None:
    spec = shop.spec(settings=at(3600))
    running = shop.start(spec)
    assert running.wait_for(WAITS)
    running.send(signal.SIGKILL)
    running.end()
    (line,) = json.loads(shop.run("list", "--json").out)
    assert (line["state"], line["is_abandoned"]) == ("scheduled", True)
    again = shop.start(spec)
    assert again.wait_for(WAITS)
    with shop.journal() as journal:
        checked = [event for event in journal.events("move") if event.message == "the checks passed"]
    assert len(checked) == 1  # nothing has changed that the first ones were tied to
    assert shop.run("resume", "move", "--now").code == 0
    done = again.end()
    assert done.code == 0, done.said
    assert shop.differences() == []


def test_a_time_that_has_passed_meanwhile_starts_the_task(shop: Bench) -> None:
    running = shop.start(shop.spec(settings=at(3600)))
    assert running.wait_for(WAITS)
    running.send(signal.SIGINT)
    ended = running.end()
    assert ended.code == 130
    assert "run the same command again to go on waiting" in ended.err
    assert shop.task().state == "scheduled"
    done = shop.run(shop.spec(settings=at(-5)))
    assert done.code == 0, done.said
    assert shop.differences() == []


def test_another_terminal_starts_it_before_its_time(shop: Bench) -> None:
    running = shop.start(shop.spec(settings=at(3600)))
    assert running.wait_for(WAITS)
    unsure = shop.run("resume", "move")
    assert unsure.code == 2
    assert "--now starts it before its time" in unsure.err
    started = shop.run("resume", "move", "--now")
    assert (started.code, started.out) == (0, "task move starts now, before its time\n")
    assert running.end().code == 0
    assert shop.differences() == []


def test_another_terminal_calls_it_off(shop: Bench) -> None:
    running = shop.start(shop.spec(settings=at(3600)))
    assert running.wait_for(WAITS)
    called_off = shop.run("stop", "move", "--yes")
    assert called_off.code == 0, called_off.said
    assert "it had not begun, and nothing was made" in called_off.out
    assert running.end().code == 130
    assert shop.task().state == "stopped"
    assert shop.databases() == {"postgres"}
