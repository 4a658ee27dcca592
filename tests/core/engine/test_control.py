"""Both sides of a request: the runner's `Control`, and `ask` in another terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dtsrun.engine import control as runner_side
from dtsrun.engine.asking import ask, look_up
from dtsrun.engine.control import Control
from dtsrun.engine.ends import task_folder
from dtsrun.engine.lock import runner_lock
from dtsrun.errors import MigrationError, SpecError
from dtsrun.journal import Journal


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(tmp_path) as opened:
        opened.begin_task("t", spec_path=Path("t.yaml"), digest="d", migration_type="full", runner="here:1")
        opened.set_state("t", "running")
        yield opened


@contextmanager
def running(journal: Journal) -> Iterator[Control]:
    """A runner that holds the task and ends as soon as it is asked to."""
    control = Control(journal, "t")
    leave = threading.Event()

    def work() -> None:
        while not leave.is_set() and not control.wants_end():
            control.wait(0.01)
        if control.ending:
            journal.set_state("t", "paused")
            control.ended("done", "the task is paused")

    thread = threading.Thread(target=work)
    with runner_lock(task_folder(journal.home, "t"), "t"):
        thread.start()
        try:
            yield control
        finally:
            leave.set()
            thread.join()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_side, "LOOK_SECONDS", 0.01)


def test_who_asks_hears_that_it_begins_and_that_it_is_done(journal: Journal) -> None:
    with running(journal):
        said = list(ask(journal, look_up(journal, "t"), "pause"))
    assert said[-1] == "the task is paused"
    assert "the task is pausing" in [event.message for event in journal.events("t")]


def test_the_asking_side_refuses_what_the_state_does_not_allow(journal: Journal) -> None:
    with running(journal), pytest.raises(SpecError, match="is running: it cannot be asked to complete") as caught:
        list(ask(journal, look_up(journal, "t"), "complete"))
    assert caught.value.hint == "allowed now: pause, stop"


def test_the_running_side_refuses_what_its_state_no_longer_allows(journal: Journal) -> None:
    journal.set_state("t", "syncing")
    known = look_up(journal, "t")
    with running(journal):
        journal.set_state("t", "running")
        known = look_up(journal, "t").__class__(known.task, "here:1")
        with pytest.raises(SpecError, match="refused to complete: task t is running") as caught:
            list(ask(journal, known, "complete"))
    assert "allowed now: pause, stop" in str(caught.value)


def test_a_task_without_a_runner_says_so(journal: Journal) -> None:
    with pytest.raises(SpecError, match="running, and its runner is gone: it cannot be asked to pause"):
        list(ask(journal, look_up(journal, "t"), "pause"))


def test_a_runner_that_is_busy_is_not_waited_for_without_end(journal: Journal) -> None:
    with runner_lock(task_folder(journal.home, "t"), "t"):
        with pytest.raises(MigrationError, match=r"did not take up the request to pause within 0\.1 s") as caught:
            list(ask(journal, look_up(journal, "t"), "pause", accept_within=0.1))
        assert "nothing was changed" in str(caught.value.hint)
        assert journal.requests.next("t") is None


def test_a_runner_that_ends_without_a_word_is_noticed(journal: Journal) -> None:
    with runner_lock(task_folder(journal.home, "t"), "t"):
        known = look_up(journal, "t")
    with pytest.raises(MigrationError, match="ended before it answered the request to pause; the task is running"):
        list(ask(journal, known, "pause"))


def test_a_runner_that_failed_without_an_answer_is_told_with_its_failure(journal: Journal) -> None:
    with runner_lock(task_folder(journal.home, "t"), "t"):
        known = look_up(journal, "t")
    journal.event("t", "failure", "follow 7 tables of shop: the slot is gone")
    journal.set_state("t", "failed")
    with pytest.raises(MigrationError, match="the task is failed: follow 7 tables of shop: the slot is gone"):
        list(ask(journal, known, "pause"))


def test_a_signal_counts_as_a_request_to_pause(journal: Journal) -> None:
    control = Control(journal, "t")
    assert control.wanted() is None
    control.interrupt()
    wanted = control.wanted()
    assert wanted is not None
    assert wanted.what == "pause"
    assert control.wants_end()
    assert control.ending is None


def test_what_cannot_be_done_at_the_moment_is_refused_and_the_run_goes_on(journal: Journal) -> None:
    journal.set_state("t", "syncing")
    number = journal.requests.ask("t", "complete")
    assert not Control(journal, "t").wants_end()
    answered = journal.requests.get(number)
    assert answered is not None
    assert answered.state == "refused"
