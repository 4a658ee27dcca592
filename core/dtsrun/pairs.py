"""Numbers that belong to numbers, in arrays: a dictionary of 100,000 takes ten megabytes and more."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

_MASK: Final = 0xFFFFFFFF


class Pairs:
    """Numbers by numbers, all below 2^32 as OIDs and the ids of entries are; one may have several."""

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._pairs = array("Q", sorted(first << 32 | second for first, second in pairs))

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return ((pair >> 32, pair & _MASK) for pair in self._pairs)

    def __contains__(self, first: int) -> bool:
        begin = bisect_left(self._pairs, first << 32)
        return begin < len(self._pairs) and self._pairs[begin] >> 32 == first

    def of(self, first: int) -> list[int]:
        """Return what belongs to a number, rising."""
        begin = bisect_left(self._pairs, first << 32)
        end = bisect_left(self._pairs, (first + 1) << 32, begin)
        return [pair & _MASK for pair in self._pairs[begin:end]]


class ById:
    """A number for each of many ids that begin near zero and have few gaps."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def __setitem__(self, id: int, number: int) -> None:
        """Set the number of an id; it must not be negative."""
        if id >= len(self._numbers):
            self._numbers.extend(-1 for _ in range(id + 1 + len(self._numbers) // 8 - len(self._numbers)))
        self._numbers[id] = number

    def __contains__(self, id: int) -> bool:
        return self.get(id) is not None

    def get(self, id: int) -> int | None:
        """Return the number of an id, None if it has none."""
        number = self._numbers[id] if id < len(self._numbers) else -1
        return None if number < 0 else number
