"""What copies do about the signals of a server's health: go, go slower, or stand still.

A reading at its limit or beyond holds the copies; from three quarters of the limit on they slow down, by halves. A
hold ends when the reading is below three quarters again, and not before a pause that doubles with every hold that
follows soon; then copies go on at half the speed that they had, and speed up by doubling. No hold is for ever: after
the longest that the spec allows copies go on, slowly, and are not held again before all is well.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from dtsrun.api import Advice, Signal, Throttling
from dtsrun.throttle import Pace

EASY: Final = 0.75
"""Share of the limit below which all is well."""
LEAST_RATE: Final = 2**20
"""Bytes a second below which copies are not slowed: slower, and they had better stand still."""
LONGEST_PAUSE: Final = 60.0
"""Seconds to which the shortest length of a hold grows."""
UNREAD_LOOKS: Final = 3
"""Looks in vain after which a signal counts as one that cannot be read; until then its last word stands."""


class Tell(Protocol):
    """Who is told. Called from the threads that sample."""

    def __call__(self, message: str, data: Mapping[str, Any]) -> None: ...


@dataclass(slots=True)
class _Known:
    """What is known of one signal."""

    advice: Advice = Advice.GO
    told: str = ""
    notice: str = ""
    failures: int = 0
    is_unread: bool = False


@dataclass(slots=True)
class _Hold:
    """The hold that is on."""

    since: float
    speed: float
    """Bytes a second before it."""
    share: float
    """The worst reading so far over its limit."""
    told: str


class Regulator:
    """Hears signals, and sets the pace. Safe to use from several threads.

    Args:
        tell: gets a sentence for people, and as data what is on: `state` (held, released, slowed, free, notice), and
            `held`, what the progress shows.
    """

    def __init__(
        self, pace: Pace, settings: Throttling, tell: Tell, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pace = pace
        self._settings = settings
        self._tell = tell
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._hold: _Hold | None = None
        self._cap: float | None = None
        """Bytes a second to which copies are slowed."""
        self._usual = 0.0
        """Bytes a second before they were."""
        self._holds = 0
        """Since copies last went freely."""
        self._is_overdue = False
        """Whether the longest hold is over, and all is not well yet."""
        self._changed_at = self._looked_at = clock()
        self._moved = pace.moved
        self._speed = 0.0

    def heard(self, name: str, signal: Signal) -> None:
        """Take note of what a throttle has read."""
        with self._lock:
            known = self._known.setdefault(name, _Known())
            if known.is_unread:
                self._say("notice", f"{name} can be read again")
            known.failures, known.is_unread = 0, False
            share = _share(signal)
            known.advice, known.told = self._advice(signal, share, known.advice), signal.told
            if signal.notice and not known.notice:
                self._say("notice", signal.notice)
            known.notice = signal.notice
            if self._hold and known.advice is Advice.HOLD and share > self._hold.share:
                self._hold.share, self._hold.told = share, signal.told

    def unread(self, name: str, reason: str, *, lasting: bool) -> None:
        """Take note that a signal cannot be read.

        Args:
            lasting: whether time alone will not heal it.
        """
        with self._lock:
            known = self._known.setdefault(name, _Known())
            known.failures += 1
            if known.is_unread or not (lasting or known.failures >= UNREAD_LOOKS):
                return
            holds = self._settings.unread == "hold"
            known.is_unread, known.notice = True, ""
            known.advice, known.told = (Advice.HOLD if holds else Advice.GO), f"{name} cannot be read"
            self._say("notice", f"{known.told}: {reason}; copies {'wait for it' if holds else 'go on without it'}")

    def decide(self) -> None:
        """Set the pace by all that was heard."""
        with self._lock:
            now = self._clock()
            self._measure(now)
            worst = max(self._known.values(), key=lambda each: each.advice.weight, default=_Known())
            if self._hold:
                self._decide_on_hold(self._hold, worst, now)
            elif worst.advice is Advice.HOLD and not self._is_overdue:
                self._begin_hold(worst, now)
            elif now - self._changed_at >= self._settings.every:
                self._adjust(worst, now)

    def close(self) -> None:
        """End with the copies: nothing holds them any more."""
        with self._lock:
            if self._hold:
                self._end_hold(self._hold, self._clock(), "the copies ended")
            self._pace.slow_to(None)

    def _advice(self, signal: Signal, share: float, before: Advice) -> Advice:
        if signal.advice is not None:
            return signal.advice
        if share >= 1 or (before is Advice.HOLD and share >= EASY and self._hold is not None):
            return Advice.HOLD
        return Advice.SLOW if share >= EASY else Advice.GO

    def _measure(self, now: float) -> None:
        seconds = now - self._looked_at
        if seconds <= 0:
            return
        if not self._hold:
            self._speed = (self._pace.moved - self._moved) / seconds
        self._moved, self._looked_at = self._pace.moved, now

    # --- holds -------------------------------------------------------------------------------------------------

    def _begin_hold(self, worst: _Known, now: float) -> None:
        self._hold = _Hold(since=now, speed=max(self._speed, self._cap or 0.0), share=0.0, told=worst.told)
        self._holds += 1
        self._usual = max(self._usual, self._speed)
        self._pace.hold()
        self._say("held", f"copies are held: {worst.told}", held=worst.told)

    def _decide_on_hold(self, hold: _Hold, worst: _Known, now: float) -> None:
        if worst.advice is not Advice.HOLD and now - hold.since >= self._least_pause():
            self._end_hold(hold, now, "copies go on")
        elif now - hold.since >= self._settings.hold_at_most:
            self._is_overdue = True
            self._end_hold(hold, now, "copies go on slowly, since no hold may last longer")

    def _least_pause(self) -> float:
        pause = self._settings.every * 2.0 ** min(self._holds - 1, 16)
        return min(pause, max(LONGEST_PAUSE, self._settings.every), self._settings.hold_at_most)

    def _end_hold(self, hold: _Hold, now: float, what: str) -> None:
        self._hold, seconds = None, now - hold.since
        self._changed_at = now
        self._slow_to(max(hold.speed / 2, LEAST_RATE))
        self._pace.release()
        said = f"{what}; held for {_seconds(seconds)}: {hold.told}"
        self._say("released", said, seconds=round(seconds, 3), why=hold.told)

    # --- slower and faster -------------------------------------------------------------------------------------

    def _adjust(self, worst: _Known, now: float) -> None:
        if worst.advice is Advice.GO:
            self._is_overdue = False
            self._speed_up(now)
        elif worst.advice is Advice.SLOW and not self._is_overdue:
            self._slow_down(worst, now)

    def _slow_down(self, worst: _Known, now: float) -> None:
        if self._cap is None:
            self._usual = self._speed
            self._say("slowed", f"copies slow down: {worst.told}")
        self._changed_at = now
        self._slow_to(max((self._cap or self._speed) / 2, LEAST_RATE))

    def _speed_up(self, now: float) -> None:
        if self._cap is None:
            return
        self._changed_at = now
        if self._cap * 2 >= max(self._usual, LEAST_RATE):
            self._cap, self._usual, self._holds = None, 0.0, 0
            self._pace.slow_to(None)
            self._say("free", "copies go at full speed again")
        else:
            self._slow_to(self._cap * 2)

    def _slow_to(self, rate: float) -> None:
        self._cap = rate
        self._pace.slow_to(rate)

    def _say(self, state: str, message: str, *, held: str = "", **data: Any) -> None:
        if state == "notice" and self._hold:
            held = self._hold.told
        self._tell(message, {"state": state, "held": held, **data})


def _share(signal: Signal) -> float:
    """Return the reading over its limit."""
    if signal.limit > 0:
        return signal.reading / signal.limit
    return float("inf") if signal.reading > 0 else 0.0


def _seconds(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
