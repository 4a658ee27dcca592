"""All sessions together keep to a rate, and a wish to stop is heard while they wait."""

from __future__ import annotations

import threading
import time

import pytest

from dtsrun.throttle import BURST_SECONDS, Pace


class Clock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def never() -> bool:
    return False


def test_a_rate_is_kept_to() -> None:
    clock = Clock()
    pace = Pace(1000, clock=clock, sleep=clock.sleep)
    for _ in range(200):
        pace.passed(100, never)
    assert clock.now - 100.0 == pytest.approx(20.0, abs=BURST_SECONDS)


def test_what_is_slower_by_itself_does_not_wait() -> None:
    clock = Clock()
    pace = Pace(1000, clock=clock, sleep=clock.sleep)
    for _ in range(10):
        clock.now += 1.0
        pace.passed(200, never)
    assert clock.now == pytest.approx(110.0)


def test_an_idle_hour_is_not_caught_up() -> None:
    clock = Clock()
    pace = Pace(1000, clock=clock, sleep=clock.sleep)
    clock.now += 3600
    pace.passed(10_000, never)
    assert clock.now - 3700 == pytest.approx(10.0, abs=BURST_SECONDS)


def test_sessions_share_it() -> None:
    pace = Pace(100_000)
    began = time.monotonic()
    threads = [threading.Thread(target=lambda: [pace.passed(5_000, never) for _ in range(6)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.9 * 1.2 <= time.monotonic() - began + BURST_SECONDS <= 1.2 + 2 * BURST_SECONDS + 0.3


def test_a_wish_to_stop_is_heard() -> None:
    clock = Clock()
    Pace(1, clock=clock, sleep=clock.sleep).passed(3600, lambda: clock.now > 101)
    assert clock.now < 102


def test_without_a_rate_nothing_waits() -> None:
    clock = Clock()
    Pace(None, clock=clock, sleep=clock.sleep).passed(10**12, never)
    assert clock.now == 100.0
