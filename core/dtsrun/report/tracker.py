"""How far a run is: what was done, how fast, and how long the rest will take. Knows nothing of terminals."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dtsrun.api import Lane, Step

WINDOW_SECONDS: Final = 30.0
"""How far back the rate looks: long enough that one large table's end does not make it jump."""
SHORTEST_LOOK: Final = 2.0
"""Seconds before which a rate says nothing."""
SAMPLE_SECONDS: Final = 0.25
LONGEST_FORECAST: Final = 30 * 86400.0
"""Seconds beyond which a forecast is not worth the name."""
WEIGHED: Final = frozenset({Lane.COPY, Lane.VERIFY})
"""Lanes whose steps tell of their bytes as they go. An index reads its table at a speed of its own, and says nothing
before its end: among the bytes it would make every forecast jump."""
TABLES: Final = "object.tables"
"""The plugin whose steps move rows; large objects and sequences are no rows."""
FINISHED: Final = frozenset({"done", "failed", "blocked", "skipped"})


class Rate:
    """Bytes a second over the last half minute."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def add(self, now: float, total: int) -> None:
        """Take note of how many bytes there are by now."""
        if self._samples and now - self._samples[-1][0] < SAMPLE_SECONDS:
            return
        self._samples.append((now, total))
        while now - self._samples[0][0] > WINDOW_SECONDS:
            self._samples.popleft()

    def shift(self, amount: int) -> None:
        """Let bytes that an earlier run moved count as if they had always been there."""
        self._samples = deque((moment, total + amount) for moment, total in self._samples)

    def value(self, now: float, total: int) -> float | None:
        """Return the rate; None while it is too early to tell."""
        if not self._samples:
            return None
        since, before = self._samples[0]
        return max(0, total - before) / (now - since) if now - since >= SHORTEST_LOOK else None


class Stopwatch:
    """Counts the seconds in which at least one of several is running. The rate looks at it instead of the clock:
    while nothing but indexes is built, no bytes are due, and none are missing."""

    def __init__(self) -> None:
        self._running = 0
        self._before = 0.0
        self._since = 0.0

    @property
    def is_running(self) -> bool:
        """Whether one is running now."""
        return self._running > 0

    def count(self, more: int, now: float) -> None:
        """Take note that one began (1) or ended (-1)."""
        self._before, self._since = self.seconds(now), now
        self._running += more

    def seconds(self, now: float) -> float:
        """Return the seconds so far."""
        return self._before + (now - self._since if self._running else 0.0)


@dataclass(slots=True)
class Course:
    """How a step goes."""

    step: Step
    state: str = "waiting"
    rows: int = 0
    bytes: int = 0
    started: float = 0.0
    """By the tracker's clock, of the latest try."""

    @property
    def work(self) -> int:
        """Bytes by which it weighs in the whole."""
        return self.step.size if self.step.lane in WEIGHED else 0

    @property
    def work_done(self) -> int:
        """Bytes of its work that are behind it. What a copy sends is not what the table takes on disk, so a step that
        runs is never taken for finished."""
        if self.state in FINISHED:
            return self.work
        return min(self.bytes, self.work * 99 // 100) if self.state == "running" else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """A step that runs now."""

    title: str
    size: int
    rows: int
    bytes: int
    seconds: float

    @property
    def rate(self) -> float | None:
        """Its mean bytes a second."""
        return self.bytes / self.seconds if self.bytes and self.seconds >= SHORTEST_LOOK else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """How far the run is at one moment."""

    fraction: float
    copied: int
    to_copy: int
    compared: int
    to_compare: int
    rows: int
    """Rows of tables that were copied."""
    rate: float | None
    """Bytes a second that are copied and compared; None where neither is going on, or it is too early to tell."""
    seconds_left: float | None
    """None where it cannot be known."""
    steps: int
    done: int
    failed: int
    blocked: int
    held: str = ""
    """Why copies are held; empty where they are not."""
    running: tuple[Running, ...] = field(default=())
    """Those that run longest first."""

    @property
    def finished(self) -> int:
        """Steps with nothing left to do, whatever came of them."""
        return self.done + self.failed + self.blocked


class Tracker:
    """Follows a run. Safe to use from several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held = ""
        self._forget([])

    def _forget(self, steps: Sequence[Step]) -> None:
        self._courses = {step.key: Course(step) for step in steps}
        self._rate = Rate()
        self._busy = Stopwatch()
        self._work = 0
        """Kept as a sum, since looking at thousands of steps at every call would cost more than the calls."""

    def plan(self, steps: Sequence[Step]) -> None:
        """Begin with a plan; what was followed before is forgotten."""
        with self._lock:
            self._forget(steps)

    def step(self, key: str, state: str) -> None:
        """Take note of a step's state. One that is tried again begins anew."""
        with self._lock:
            course = self._courses.get(key)
            if course is None:
                return
            before, fresh = course.work_done, course.state == "waiting"
            self._enter(course, state)
            self._count(course.work_done - before, earlier=fresh and state != "running")

    def progress(self, key: str, rows: int, size: int) -> None:
        """Take note of what a step did since the last call."""
        with self._lock:
            course = self._courses.get(key)
            if course is None:
                return
            before = course.work_done
            course.rows += rows
            course.bytes += size
            self._count(course.work_done - before)

    def held(self, why: str) -> None:
        """Take note that copies are held; empty: no longer."""
        self._held = why

    def picture(self) -> Picture:
        """Return how far the run is."""
        with self._lock:
            now = self._clock()
            busy = self._busy.seconds(now)
            self._rate.add(busy, self._work)
            rate = self._rate.value(busy, self._work) if self._busy.is_running else None
            return replace(_picture(list(self._courses.values()), self._work, rate, now), held=self._held)

    def _enter(self, course: Course, state: str) -> None:
        now = self._clock()
        if course.step.lane in WEIGHED:
            self._busy.count((state == "running") - (course.state == "running"), now)
        course.state = state
        if state == "running":
            course.rows, course.bytes, course.started = 0, 0, now

    def _count(self, work: int, *, earlier: bool = False) -> None:
        self._work += work
        if earlier:
            self._rate.shift(work)
        self._rate.add(self._busy.seconds(self._clock()), self._work)


def _picture(courses: Sequence[Course], work: int, rate: float | None, now: float) -> Picture:
    states = Counter(course.state for course in courses)
    copied, to_copy = _share(courses, Lane.COPY)
    compared, to_compare = _share(courses, Lane.VERIFY)
    finished = sum(states[state] for state in FINISHED)
    left = sum(course.work for course in courses) - work
    return Picture(
        fraction=_fraction(work, left, finished, len(courses)),
        copied=copied,
        to_copy=to_copy,
        compared=compared,
        to_compare=to_compare,
        rows=sum(course.rows for course in courses if course.step.lane == Lane.COPY and course.step.plugin == TABLES),
        rate=rate,
        seconds_left=_forecast(left, rate) if finished < len(courses) else 0.0,
        steps=len(courses),
        done=states["done"] + states["skipped"],
        failed=states["failed"],
        blocked=states["blocked"],
        running=_running(courses, now),
    )


def _share(courses: Iterable[Course], lane: Lane) -> tuple[int, int]:
    members = [course for course in courses if course.step.lane == lane]
    return sum(course.work_done for course in members), sum(course.work for course in members)


def _fraction(work: int, left: int, finished: int, steps: int) -> float:
    """Return how much is done, by bytes where there are any; all of it only when no step is left."""
    if finished == steps:
        return 1.0
    share = work / (work + left) if work + left else finished / steps
    return min(share, 0.99)


def _forecast(left: int, rate: float | None) -> float | None:
    if left <= 0 or not rate:
        return None
    seconds = left / rate
    return seconds if seconds <= LONGEST_FORECAST else None


def _running(courses: Iterable[Course], now: float) -> tuple[Running, ...]:
    running = [course for course in courses if course.state == "running"]
    return tuple(_seen(course, now) for course in sorted(running, key=lambda course: course.started))


def _seen(course: Course, now: float) -> Running:
    return Running(
        title=course.step.title or course.step.key,
        size=course.step.size,
        rows=course.rows,
        bytes=course.bytes,
        seconds=now - course.started,
    )
