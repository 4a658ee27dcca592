"""What copies do about signals: they slow down, stand still for a while, and go on."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtsrun.api import Advice, Signal, Throttling
from dtsrun.engine.regulator import LEAST_RATE, LONGEST_PAUSE, Regulator
from dtsrun.throttle import TRICKLE_SECONDS, Pace

MB = 2**20
FAST = 100 * MB


class Course:
    """Copies at a steady speed, looked at every five seconds."""

    def __init__(self, rate: int | None = None, **settings: Any) -> None:
        self.now = 1000.0
        self.pace = Pace(rate, clock=lambda: self.now, sleep=self._sleep)
        self.said: list[str] = []
        self.data: list[Any] = []
        self.regulator = Regulator(self.pace, Throttling(**settings), self._tell, clock=lambda: self.now)

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _tell(self, message: str, data: Any) -> None:
        self.said.append(message)
        self.data.append(data)

    def look(self, reading: float, *, moved: int = 0, after: float = 5.0, **more: Any) -> None:
        """Move bytes, let time pass, and read a signal whose limit is 100."""
        self.pace._moved += moved
        self.now += after
        self.regulator.heard("throttle.test", Signal(reading=reading, limit=100, told=f"reading {reading}", **more))
        self.regulator.decide()

    @property
    def cap(self) -> int | None:
        return self.pace._rate


def never() -> bool:
    return False


def test_below_three_quarters_nothing_happens() -> None:
    course = Course()
    course.look(74, moved=FAST)
    assert (course.pace.is_held, course.cap, course.said) == (False, None, [])


def test_near_the_limit_copies_slow_down_by_halves_and_speed_up_again() -> None:
    course = Course()
    course.look(80, moved=5 * 64 * MB)
    course.look(80)
    assert course.cap == 16 * MB
    assert course.said == ["copies slow down: reading 80"]
    course.look(10)
    assert course.cap == 32 * MB
    course.look(10)
    assert course.cap is None
    assert course.said[1:] == ["copies go at full speed again"]


def test_copies_are_not_slowed_to_nothing() -> None:
    course = Course()
    for _ in range(20):
        course.look(80, moved=MB)
    assert course.cap == LEAST_RATE


def test_the_limit_holds_until_there_is_room_again() -> None:
    course = Course()
    course.look(50, moved=5 * 64 * MB)
    course.look(130, moved=5 * 64 * MB)
    assert course.pace.is_held
    course.look(180)
    course.look(90)  # below the limit, and not by enough
    assert course.pace.is_held
    course.look(70)
    assert not course.pace.is_held
    assert course.cap == 32 * MB
    assert course.said == ["copies are held: reading 130", "copies go on; held for 15 s: reading 180"]
    assert [data["held"] for data in course.data] == ["reading 130", ""]
    assert course.data[1]["seconds"] == 15.0


def test_pauses_grow_while_holds_follow_each_other() -> None:
    course = Course()
    lengths = []
    for _ in range(6):
        course.look(100, moved=FAST)
        began = course.now
        while course.pace.is_held:
            course.look(0)
        lengths.append(course.now - began)
    assert lengths == [5, 10, 20, 40, LONGEST_PAUSE, LONGEST_PAUSE]


def test_copies_that_went_freely_begin_with_the_shortest_pause() -> None:
    course = Course()
    for _ in range(2):
        course.look(100, moved=FAST)
        began = course.now
        while course.pace.is_held:
            course.look(0)
        assert course.now - began == 5
        while course.cap is not None:
            course.look(0, moved=FAST)


def test_no_hold_lasts_longer_than_it_may() -> None:
    course = Course(hold_at_most=60.0)
    course.look(100, moved=5 * 64 * MB)
    for _ in range(12):
        course.look(200)
    assert not course.pace.is_held
    assert course.said[-1] == "copies go on slowly, since no hold may last longer; held for 60 s: reading 200"
    assert course.cap == 32 * MB
    for _ in range(10):  # as bad as before: they go on all the same, and not slower
        course.look(200, moved=5 * 32 * MB)
    assert (course.pace.is_held, course.cap) == (False, 32 * MB)
    course.look(10)
    course.look(100)  # it was well in between
    assert course.pace.is_held


def test_a_signal_that_fails_now_and_then_keeps_its_word() -> None:
    course = Course()
    course.look(100)
    for _ in range(2):
        course.regulator.unread("throttle.test", "the link broke", lasting=False)
        course.regulator.decide()
    assert course.pace.is_held
    course.look(10, after=20)
    assert not course.pace.is_held
    assert "cannot be read" not in " ".join(course.said)


@pytest.mark.parametrize(("unread", "is_held", "word"), [("go_on", False, "go on without it"), ("hold", True, "wait")])
def test_a_signal_that_cannot_be_read_is_said_once(unread: str, is_held: bool, word: str) -> None:
    course = Course(unread=unread)
    for _ in range(5):
        course.now += 5
        course.regulator.unread("throttle.test", "no right", lasting=True)
        course.regulator.decide()
    notices = [text for text in course.said if "cannot be read: no right" in text]
    assert len(notices) == 1
    assert word in notices[0]
    assert course.pace.is_held is is_held
    course.look(10, after=60)
    assert "throttle.test can be read again" in course.said
    assert not course.pace.is_held


def test_a_hold_ends_when_its_signal_cannot_be_read_any_more() -> None:
    course = Course()
    course.look(100)
    for _ in range(3):
        course.now += 5
        course.regulator.unread("throttle.test", "the link broke", lasting=False)
        course.regulator.decide()
    assert not course.pace.is_held


def test_the_worst_of_several_is_followed() -> None:
    course = Course()
    course.regulator.heard("throttle.other", Signal(reading=1, limit=10, told="well"))
    course.look(100)
    course.regulator.heard("throttle.other", Signal(reading=1, limit=10, told="well"))
    course.regulator.decide()
    assert course.pace.is_held


def test_a_throttle_may_decide_itself() -> None:
    course = Course()
    course.look(1000, advice=Advice.GO)
    assert not course.pace.is_held
    course.look(0, advice=Advice.HOLD)
    assert course.pace.is_held


def test_a_notice_is_said_when_it_begins() -> None:
    course = Course()
    for notice in ("a", "a", "", "a"):
        course.look(0, notice=notice)
    assert course.said == ["a", "a"]


def test_the_end_of_the_copies_ends_a_hold() -> None:
    course = Course()
    course.look(100)
    course.now += 7
    course.regulator.close()
    assert course.said[-1] == "the copies ended; held for 7.0 s: reading 100"
    assert not course.pace.is_held


def test_a_bound_of_the_user_stays_one() -> None:
    course = Course(rate=10 * MB)
    course.look(80, moved=5 * 64 * MB)
    assert course.cap == 10 * MB
    for _ in range(5):
        course.look(0)
    assert course.cap == 10 * MB


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(1, 120), st.integers(0, FAST)), max_size=60))
def test_whatever_is_read_copies_end_up_free_once_all_is_well(readings: list[tuple[float, float, int]]) -> None:
    course = Course(hold_at_most=90.0)
    for reading, seconds, moved in readings:
        course.look(reading, after=seconds, moved=moved)
    for _ in range(100):
        course.look(0)
    assert (course.pace.is_held, course.cap) == (False, None)
    held = [data for data in course.data if data["state"] in ("held", "released")]
    assert [data["state"] for data in held] == ["held", "released"] * (len(held) // 2)


def test_a_session_that_is_held_lets_a_block_pass_now_and_then() -> None:
    course = Course()
    course.pace.hold()
    course.pace.passed(1, never)
    assert course.now == 1000.0 + TRICKLE_SECONDS
    course.pace.passed(0, never)  # nothing moved: nothing waits
    assert course.now == 1000.0 + TRICKLE_SECONDS


def test_a_wish_to_stop_is_heard_in_a_hold() -> None:
    course = Course()
    course.pace.hold()
    course.pace.passed(1, lambda: course.now > 1001)
    assert course.now < 1002
