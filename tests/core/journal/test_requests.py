"""Requests travel between processes by the journal, and every one gets a last word."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dtsrun.journal import Journal, Requests


@pytest.fixture
def requests(tmp_path: Path) -> Iterator[Requests]:
    with Journal.open(tmp_path) as journal:
        yield journal.requests


def test_arguments_and_answers_come_through(requests: Requests) -> None:
    number = requests.ask("t", "complete", {"timeout": 600.0, "fence": "read_only"})
    seen = requests.next("t")
    assert seen is not None
    assert (seen.id, seen.what, seen.arguments) == (number, "complete", {"timeout": 600.0, "fence": "read_only"})
    requests.answer(number, "accepted", "draining")
    assert requests.next("t") is None
    requests.answer(number, "done", "handed over")
    answered = requests.get(number)
    assert answered is not None
    assert (answered.state, answered.message, answered.is_ended) == ("done", "handed over", True)


def test_the_oldest_comes_first_and_tasks_do_not_mix(requests: Requests) -> None:
    requests.ask("other", "stop")
    first = requests.ask("t", "pause")
    requests.ask("t", "stop")
    seen = requests.next("t")
    assert seen is not None
    assert seen.id == first


def test_what_was_withdrawn_is_not_taken_up(requests: Requests) -> None:
    number = requests.ask("t", "pause")
    requests.withdraw(number)
    assert requests.next("t") is None
    requests.answer(number, "done")
    seen = requests.get(number)
    assert seen is not None
    assert seen.state == "withdrawn"


def test_what_was_accepted_cannot_be_withdrawn(requests: Requests) -> None:
    number = requests.ask("t", "pause")
    requests.answer(number, "accepted")
    seen = requests.withdraw(number)
    assert seen is not None
    assert seen.state == "accepted"


def test_a_new_runner_gives_old_requests_their_last_word(requests: Requests) -> None:
    asked, accepted, done = (requests.ask("t", "pause") for _ in range(3))
    requests.answer(accepted, "accepted")
    requests.answer(done, "done", "paused")
    requests.end_old("t", "another runner works now")
    states = [found.state for number in (asked, accepted, done) if (found := requests.get(number))]
    assert states == ["failed", "failed", "done"]
