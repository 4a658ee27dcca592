"""Pauses grow, differ a little, and end with the time that the spec gives; what is said of them is calm."""

from __future__ import annotations

from dtsrun.engine.calm import AGAIN_SECONDS, Calm, span_text
from dtsrun.engine.patience import GOOD_WORK_SECONDS, JITTER, LONGEST_PAUSE_SECONDS, Patience, growing_pause


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_pauses_grow_to_a_bound() -> None:
    pauses = [growing_pause(count, lambda: 0.5) for count in range(1, 12)]
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE_SECONDS
    assert growing_pause(100_000, lambda: 0.5) == LONGEST_PAUSE_SECONDS


def test_pauses_differ_so_that_not_all_come_back_at_once() -> None:
    assert growing_pause(3, lambda: 0.0) == 2.0 * (1 - JITTER)
    assert growing_pause(3, lambda: 1.0) == 2.0 * (1 + JITTER)
    assert len({growing_pause(9) for _ in range(20)}) > 10


def test_it_is_given_up_when_the_time_is_over() -> None:
    clock = Clock()
    patience = Patience(60, clock)
    waited = 0.0
    while (pause := patience.fault()) is not None:
        clock.now += pause
        waited += pause
    assert round(waited, 6) == 60
    assert round(patience.left, 6) == 0


def test_no_time_means_no_second_try() -> None:
    assert Patience(0).fault() is None


def test_after_good_work_a_fault_is_a_new_trouble() -> None:
    clock = Clock()
    patience = Patience(60, clock)
    patience.fault()
    clock.now += 3600
    assert patience.fault(worked_for=GOOD_WORK_SECONDS - 1) is None
    assert patience.fault(worked_for=GOOD_WORK_SECONDS + 1) is not None
    assert patience.left == 60


def test_a_fault_is_spoken_of_once_a_minute_however_many_meet_it() -> None:
    clock = Clock()
    calm = Calm(clock)
    assert calm.lets_through("port 5432: connection refused (pid 17)")
    assert not calm.lets_through("port 5432: connection refused (pid 18)")
    assert calm.lets_through("out of memory")
    clock.now += AGAIN_SECONDS
    assert calm.lets_through("port 5432: connection refused (pid 19)")


def test_spans_are_told_in_the_unit_that_fits() -> None:
    assert [span_text(seconds) for seconds in (20, 1740, 7200)] == ["20 s", "29 min", "2 h"]
