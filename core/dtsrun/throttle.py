"""Keeps all copying sessions together under a rate: a token bucket that they share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

BURST_SECONDS: Final = 0.25
"""How much of an unused second may be caught up: enough to even out blocks, too little to be felt."""

SLICE_SECONDS: Final = 0.25
"""How long a session sleeps before it looks whether the user wants us to stop."""


class Throttle:
    """Lets bytes pass at a rate. Safe to use from several threads.

    Args:
        rate: bytes a second; None lets all pass.
    """

    def __init__(
        self,
        rate: int | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = clock()
        """When all bytes that passed so far are paid for."""

    def passed(self, size: int, is_stopping: Callable[[], bool]) -> None:
        """Take note of bytes that a session has moved, and keep it waiting until they are paid for, or until the
        user wants us to stop."""
        if self._rate is None or size == 0:
            return
        with self._lock:
            self._free_at = max(self._free_at, self._clock() - BURST_SECONDS) + size / self._rate
            until = self._free_at
        while (left := until - self._clock()) > 0 and not is_stopping():
            self._sleep(min(left, SLICE_SECONDS))
