"""How long a fault that time may heal is put up with: growing pauses, within `task.retry`."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Final

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0

JITTER: Final = 0.25
"""Part of a pause by which it is made longer or shorter, so that many that lost one server do not come back at once."""

GOOD_WORK_SECONDS: Final = 60.0
"""After this long without a fault the next one is a new trouble, with the whole of its time."""


def growing_pause(count: int, dice: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait after the fault of a number, the first being 1."""
    pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(count - 1, 16), LONGEST_PAUSE_SECONDS)
    return pause * (1 + JITTER * (2 * dice() - 1))


class Patience:
    """The faults of one thing that is tried again and again."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Args: seconds: from the first fault of a trouble until it is given up."""
        self._seconds = seconds
        self._clock = clock
        self._count = 0
        self._since: float | None = None

    @property
    def left(self) -> float:
        """Seconds until this trouble is given up."""
        spent = 0.0 if self._since is None else self._clock() - self._since
        return max(0.0, self._seconds - spent)

    def fault(self, worked_for: float = 0.0) -> float | None:
        """Take note of a fault; return the pause before the next try, None where it is to be given up.

        Args:
            worked_for: seconds for which it went well before.
        """
        if worked_for > GOOD_WORK_SECONDS:
            self.recover()
        if self._since is None:
            self._since = self._clock()
        self._count += 1
        if self.left <= 0:
            return None
        return min(growing_pause(self._count), self.left)

    def recover(self) -> None:
        """Take note that it goes well again."""
        self._count, self._since = 0, None
