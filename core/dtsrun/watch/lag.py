"""How far a link is behind, in bytes of WAL and in seconds.

Seconds are told by positions of the source that we saw at known times: what is not applied yet was written after the
newest of them that is. So they need no clock but our own, and no commit timestamps on either server.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_SAMPLES: Final = 2048
"""Beyond, every second one is dropped, and new ones are kept half as often: a lag of days is told by the minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lag:
    """How far a link is behind its source."""

    bytes: int
    """Of the source's WAL between what is applied and what is flushed."""
    seconds: float
    """Age of the oldest change that may not be applied, at most; 0.0 where nothing is behind."""
    is_at_least: bool = False
    """Whether the true age is more: what is not applied is older than the first position that we saw."""

    @property
    def is_zero(self) -> bool:
        """Whether people would call it none: a gap of 0 MB and 0 s. While anybody writes there is always some; that
        nothing is left behind is proved otherwise (`dtsrun.completion.proof`)."""
        return self.bytes < 2**20 and self.seconds < 1.0


class Pace:
    """Positions of the source at known times, and the lag by them, of one link.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._samples: list[tuple[float, int]] = []
        self._spacing = 0.0

    def measure(self, position: int, applied: int) -> Lag:
        """Return the lag, and keep the position for later.

        Args:
            position: where the source's log stands, read *before* `applied` was: an idle source has no lag then.
            applied: position up to which the target has committed everything.
        """
        now = self._clock()
        if applied >= position:
            self._samples, self._spacing = [(now, position)], 0.0
            return Lag(bytes=0, seconds=0.0)
        if not self._samples or now - self._samples[-1][0] >= self._spacing:
            self._samples.append((now, position))
        self._forget(applied)
        since, first = self._samples[0]
        return Lag(bytes=position - applied, seconds=now - since, is_at_least=first > applied)

    def _forget(self, applied: int) -> None:
        """Keep of the positions that are applied the newest one alone."""
        newest = next((n for n in range(len(self._samples) - 1, -1, -1) if self._samples[n][1] <= applied), 0)
        del self._samples[:newest]
        if len(self._samples) > MOST_SAMPLES:
            self._samples = self._samples[::2]
            self._spacing = 2 * (self._samples[-1][0] - self._samples[0][0]) / MOST_SAMPLES
