"""How far a run is: exact about what is done, silent about what cannot be known."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from dtsrun.api import Lane, Step
from dtsrun.report.tracker import LONGEST_FORECAST, SHORTEST_LOOK, WINDOW_SECONDS, Rate, Stopwatch, Tracker

MB = 1024 * 1024


class Clock:
    """A clock that stands still until it is moved."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tracker(clock: Clock) -> Tracker:
    """Follows two copies of 100 and 300 MB, a comparison of 400 MB and an index that reads a lot."""
    tracker = Tracker(clock)
    tracker.plan(
        [
            step("small", 100 * MB),
            step("large", 300 * MB),
            step("index", 9000 * MB, Lane.INDEX),
            step("compare", 400 * MB, Lane.VERIFY),
        ]
    )
    return tracker


def step(key: str, size: int, lane: Lane = Lane.COPY) -> Step:
    return Step(key=key, stage="full", plugin="object.tables", action="copy", size=size, lane=lane, title=f"do {key}")


def test_nothing_is_done_at_first(tracker: Tracker) -> None:
    picture = tracker.picture()
    assert (picture.fraction, picture.copied, picture.to_copy, picture.to_compare) == (0, 0, 400 * MB, 400 * MB)
    assert (picture.rate, picture.seconds_left) == (None, None)


def test_bytes_of_running_and_finished_steps_count(tracker: Tracker) -> None:
    tracker.step("small", "running")
    tracker.progress("small", 10, 40 * MB)
    tracker.step("large", "running")
    tracker.step("large", "done")
    picture = tracker.picture()
    assert picture.copied == 340 * MB
    assert picture.fraction == pytest.approx(340 / 800)


def test_progress_adds_up(tracker: Tracker) -> None:
    tracker.step("small", "running")
    tracker.progress("small", 10, MB)
    tracker.progress("small", 5, 2 * MB)
    (running,) = tracker.picture().running
    assert (running.title, running.rows, running.bytes) == ("do small", 15, 3 * MB)


def test_a_copy_that_sends_more_than_the_table_takes_is_not_done_before_its_end(tracker: Tracker) -> None:
    tracker.step("small", "running")
    tracker.progress("small", 10, 500 * MB)
    assert tracker.picture().copied == 99 * MB
    tracker.step("small", "done")
    assert tracker.picture().copied == 100 * MB


def test_a_step_that_is_tried_again_begins_anew(tracker: Tracker) -> None:
    tracker.step("small", "running")
    tracker.progress("small", 10, 60 * MB)
    tracker.step("small", "running")
    assert tracker.picture().copied == 0
    assert tracker.picture().rows == 0


def test_the_rate_is_unknown_until_there_was_time_to_look(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "running")
    tracker.progress("large", 0, MB)
    clock.now += SHORTEST_LOOK / 2
    assert tracker.picture().rate is None


def test_the_time_that_is_left_comes_from_the_rate(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "running")
    for _ in range(10):
        clock.now += 1
        tracker.progress("large", 0, 10 * MB)
    picture = tracker.picture()
    assert picture.rate == pytest.approx(10 * MB, rel=0.15)
    assert picture.seconds_left == pytest.approx(70, rel=0.15)


def test_a_stalled_run_has_no_rate_and_no_forecast(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "running")
    tracker.progress("large", 0, 10 * MB)
    for _ in range(int(WINDOW_SECONDS) + 5):
        clock.now += 1
        picture = tracker.picture()
    assert picture.rate == 0
    assert picture.seconds_left is None


def test_while_only_indexes_are_built_nothing_is_forecast(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "running")
    clock.now += 10
    tracker.progress("large", 0, 100 * MB)
    tracker.step("large", "done")
    tracker.step("index", "running")
    clock.now += 10
    picture = tracker.picture()
    assert (picture.rate, picture.seconds_left) == (None, None)


def test_time_without_copies_does_not_slow_the_rate(tracker: Tracker, clock: Clock) -> None:
    tracker.step("small", "running")
    clock.now += 10
    tracker.progress("small", 0, 99 * MB)
    tracker.step("small", "done")
    clock.now += 600
    tracker.step("compare", "running")
    clock.now += 5
    tracker.progress("compare", 0, 50 * MB)
    assert tracker.picture().rate == pytest.approx(10 * MB, rel=0.1)


def test_a_stopwatch_runs_while_one_of_several_does() -> None:
    watch = Stopwatch()
    watch.count(1, now=10)
    watch.count(1, now=12)
    watch.count(-1, now=15)
    assert watch.is_running
    watch.count(-1, now=20)
    assert not watch.is_running
    assert watch.seconds(now=99) == 10


def test_a_forecast_of_months_is_none(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "running")
    clock.now += 10
    tracker.progress("large", 0, 100)
    picture = tracker.picture()
    assert picture.rate is not None
    assert 700 * MB / picture.rate > LONGEST_FORECAST
    assert picture.seconds_left is None


def test_what_an_earlier_run_did_does_not_make_the_rate_jump(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "done")
    clock.now += 5
    tracker.step("small", "running")
    tracker.progress("small", 0, 10 * MB)
    picture = tracker.picture()
    assert picture.copied == 310 * MB
    assert picture.rate is None or picture.rate <= 2 * MB


def test_a_hundred_percent_is_said_only_at_the_end(tracker: Tracker) -> None:
    for key in ("small", "large", "compare"):
        tracker.step(key, "running")
        tracker.step(key, "done")
    assert tracker.picture().fraction == 0.99
    tracker.step("index", "running")
    tracker.step("index", "done")
    picture = tracker.picture()
    assert (picture.fraction, picture.seconds_left) == (1.0, 0.0)


def test_failed_and_blocked_steps_leave_nothing_to_wait_for(tracker: Tracker) -> None:
    for key, state in (("small", "failed"), ("large", "done"), ("index", "blocked"), ("compare", "done")):
        tracker.step(key, state)
    picture = tracker.picture()
    assert (picture.fraction, picture.done, picture.failed, picture.blocked) == (1.0, 2, 1, 1)
    assert picture.finished == 4


def test_a_plan_without_bytes_counts_steps(clock: Clock) -> None:
    tracker = Tracker(clock)
    tracker.plan([step(name, 0, Lane.STRUCTURE) for name in "abcd"])
    tracker.step("a", "done")
    assert tracker.picture().fraction == 0.25


def test_an_empty_plan_is_done(clock: Clock) -> None:
    tracker = Tracker(clock)
    tracker.plan([])
    assert tracker.picture().fraction == 1.0


def test_rows_are_those_that_were_copied_not_those_compared(tracker: Tracker) -> None:
    tracker.step("small", "running")
    tracker.progress("small", 7, MB)
    tracker.step("compare", "running")
    tracker.progress("compare", 7, MB)
    assert tracker.picture().rows == 7


def test_large_objects_are_no_rows(clock: Clock) -> None:
    tracker = Tracker(clock)
    tracker.plan([replace(step("lo", MB), plugin="object.large_objects")])
    tracker.step("lo", "running")
    tracker.progress("lo", 225, MB)
    assert tracker.picture().rows == 0


def test_steps_that_run_longest_come_first(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "running")
    clock.now += 3
    tracker.step("small", "running")
    clock.now += 1
    first, second = tracker.picture().running
    assert (first.title, first.seconds) == ("do large", 4)
    assert (second.title, second.seconds) == ("do small", 1)


def test_the_rate_of_a_step_is_its_mean(tracker: Tracker, clock: Clock) -> None:
    tracker.step("large", "running")
    clock.now += 4
    tracker.progress("large", 0, 40 * MB)
    assert tracker.picture().running[0].rate == 10 * MB


def test_a_step_that_is_not_in_the_plan_changes_nothing(tracker: Tracker) -> None:
    tracker.step("other", "running")
    tracker.progress("other", 5, MB)
    assert tracker.picture().copied == 0


def test_the_rate_looks_back_half_a_minute_only() -> None:
    rate = Rate()
    for second in range(100):
        rate.add(second, 1000 * min(second, 50))
    assert rate.value(100, 50_000) == pytest.approx(0, abs=1)


def test_many_threads_lose_nothing(tracker: Tracker) -> None:
    tracker.step("large", "running")

    def work() -> None:
        for _ in range(2000):
            tracker.progress("large", 1, 10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (running,) = tracker.picture().running
    assert (running.rows, running.bytes) == (8000, 80_000)
    assert tracker.picture().copied == 80_000
