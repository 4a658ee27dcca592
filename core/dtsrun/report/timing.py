"""Steps in time: how long something ran, how many ran at once, and which pauses lie between."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Interval:
    """From a start to an end."""

    start: datetime
    end: datetime

    @property
    def seconds(self) -> float:
        """Its length; never negative, even where the clock was set back in between."""
        return max(0.0, (self.end - self.start).total_seconds())


@dataclass(frozen=True, slots=True)
class Span:
    """From a second to another, counted from the start of a chart."""

    start: float
    end: float


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the times in which at least one of the intervals ran."""
    merged: list[Interval] = []
    for interval in sorted(intervals, key=lambda i: i.start):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def busy_seconds(intervals: Iterable[Interval]) -> float:
    """Return the time in which at least one of the intervals ran."""
    return sum(interval.seconds for interval in union(intervals))


@dataclass(frozen=True, slots=True)
class Timeline:
    """The times of a task's runs, one after the other, with long pauses between them taken out."""

    runs: tuple[Interval, ...]

    @property
    def seconds(self) -> float:
        """Its whole length."""
        return sum(run.seconds for run in self.runs)

    @property
    def joints(self) -> tuple[float, ...]:
        """Seconds at which a pause was taken out."""
        return tuple(self.position(run.start) for run in self.runs[1:])

    @property
    def pauses(self) -> tuple[float, ...]:
        """How many seconds were taken out at each joint."""
        return tuple(
            (after.start - before.end).total_seconds() for before, after in zip(self.runs, self.runs[1:], strict=False)
        )

    def position(self, moment: datetime) -> float:
        """Return the second at which a moment of some run is drawn."""
        return sum(Interval(run.start, min(run.end, moment)).seconds for run in self.runs)

    def span(self, interval: Interval) -> Span:
        """Return where an interval is drawn."""
        return Span(self.position(interval.start), self.position(interval.end))


def make_timeline(intervals: Iterable[Interval], *, longest_pause: float = 10.0) -> Timeline:
    """Return a timeline without pauses that are longer than `longest_pause` seconds and than a tenth of the work."""
    runs = union(intervals)
    limit = max(longest_pause, sum(run.seconds for run in runs) / 10)
    joined: list[Interval] = []
    for run in runs:
        if joined and (run.start - joined[-1].end).total_seconds() <= limit:
            joined[-1] = Interval(joined[-1].start, run.end)
        else:
            joined.append(run)
    return Timeline(tuple(joined))


def rows_of(spans: Sequence[Span]) -> list[int]:
    """Return for each span the number of the row to draw it in, so that no two of a row overlap."""
    free_from: list[float] = []
    rows = [0] * len(spans)
    for index in sorted(range(len(spans)), key=lambda i: spans[i].start):
        row = next((r for r, end in enumerate(free_from) if end <= spans[index].start), len(free_from))
        free_from[row : row + 1] = [spans[index].end]
        rows[index] = row
    return rows


def running_at_once(spans: Iterable[Span], *, seconds: float, bins: int) -> list[float]:
    """Return the mean number of spans that ran in each of `bins` equal parts of `seconds`."""
    counts = [0.0] * bins
    width = seconds / bins or 1.0
    for span in spans:
        for index in range(int(span.start / width), min(bins - 1, int(span.end / width)) + 1):
            overlap = min(span.end, (index + 1) * width) - max(span.start, index * width)
            counts[index] += max(0.0, overlap) / width
    return counts
