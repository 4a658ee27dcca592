"""What is said of faults that come again and again: one line for each, and not more often than helps."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Final

AGAIN_SECONDS: Final = 60.0
"""Before the same fault is spoken of again."""

_VARYING: Final = re.compile(r"\d+")
"""Process numbers, ports and the like, which make one fault look like many."""


class Calm:
    """Lets the first of many equal messages through, and then one a minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said: dict[str, float] = {}

    def lets_through(self, message: str) -> bool:
        """Tell whether a message is to be said now."""
        key, now = _VARYING.sub("#", message), self._clock()
        if now - self._said.get(key, -AGAIN_SECONDS) < AGAIN_SECONDS:
            return False
        self._said[key] = now
        return True


def span_text(seconds: float) -> str:
    """Return a span of time in the unit that fits: `20 s`, `29 min`, `2 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"
