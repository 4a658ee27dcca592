"""Keeps all copying sessions together at a pace: under a rate that the user sets, and slower or held where a server's
health asks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 0.25
"""How much of an unused second may be caught up: enough to even out blocks, too little to be felt."""

SLICE_SECONDS: Final = 0.25
"""How long a session sleeps before it looks whether the user wants us to stop."""

TRICKLE_SECONDS: Final = 5.0
"""How long a session that is held stands still at a stretch; then one block passes. A server whose data nobody takes
for as long as `tcp_user_timeout` ends the session, though its client is well: a window that stays shut looks to it like
a line that is dead. Systems open it again only when a sixteenth of the buffer is free, which may take some blocks."""


class Pace:
    """Lets bytes pass. Safe to use from several threads.

    Args:
        rate: bytes a second that are never exceeded; None: there is no such bound.
    """

    def __init__(
        self,
        rate: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._most = rate
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()
        """When all bytes that passed so far are paid for."""
        self._is_held = False
        self._moved = 0

    @property
    def is_held(self) -> bool:
        """Whether nothing is to move now, and nothing to begin."""
        return self._is_held

    @property
    def moved(self) -> int:
        """All bytes that have passed."""
        return self._moved

    def hold(self) -> None:
        """Let nothing pass, but for what keeps the sessions alive, until `release`."""
        self._is_held = True

    def release(self) -> None:
        """Let bytes pass again."""
        self._is_held = False

    def slow_to(self, rate: float | None) -> None:
        """Bound the rate beside what the user set; None takes that bound away."""
        with self._lock:
            bounds = [int(each) for each in (self._most, rate) if each is not None]
            self._rate = max(1, min(bounds)) if bounds else None
            # Debts were made at another rate.
            self._free_at = min(self._free_at, self._clock() + SLICE_SECONDS)

    def passed(self, size: int, is_stopping: Callable[[], bool]) -> None:
        """Take note of bytes that a session has moved, and keep it waiting until they are paid for and nothing holds
        it, or until the user wants us to stop."""
        if size == 0:
            return
        until = self._pay(size)
        while (left := until - self._clock()) > 0 and not is_stopping():
            self._sleep(min(left, SLICE_SECONDS))
        until = self._clock() + TRICKLE_SECONDS
        while self._is_held and (left := until - self._clock()) > 0 and not is_stopping():
            self._sleep(min(left, SLICE_SECONDS))

    def _pay(self, size: int) -> float:
        """Return when bytes are paid for."""
        with self._lock:
            self._moved += size
            if self._rate is None:
                return self._clock()
            self._free_at = max(self._free_at, self._clock() - BURST_SECONDS) + size / self._rate
            return self._free_at
