"""What each stage of a task did, from its steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dtsrun.journal import StepRecord
from dtsrun.report.timing import Interval, busy_seconds
from dtsrun.report.tracker import TABLES

STAGES: Final = ("precheck", "structure", "full", "indexes", "incremental", "verify", "complete")
"""Stages in the order in which people think of them; others follow by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageFigures:
    """What a stage did."""

    name: str
    steps: Mapping[str, int]
    """How many steps are in which state."""
    seconds: float
    """Time in which at least one of its steps was running."""
    work_seconds: float
    """Time of all its steps together; over `seconds` it says how many ran at once."""
    rows: int
    """Rows of tables: sequences, large objects and views, which its steps count as well, are none."""
    bytes: int

    @property
    def total(self) -> int:
        """All steps, whatever their state."""
        return sum(self.steps.values())

    @property
    def rate(self) -> float | None:
        """Bytes a second over the time in which it worked."""
        return self.bytes / self.seconds if self.bytes and self.seconds > 0 else None


def stage_figures(steps: Iterable[StepRecord]) -> tuple[StageFigures, ...]:
    """Return the figures of every stage that has steps."""
    by_stage: dict[str, list[StepRecord]] = {}
    for step in steps:
        by_stage.setdefault(step.stage, []).append(step)
    return tuple(_stage(name, by_stage[name]) for name in sorted(by_stage, key=stage_order))


def stage_order(stage: str) -> tuple[int, str]:
    """Return what to sort stages by."""
    return (STAGES.index(stage) if stage in STAGES else len(STAGES), stage)


def _stage(name: str, steps: Sequence[StepRecord]) -> StageFigures:
    intervals = [interval for step in steps if (interval := step_interval(step))]
    return StageFigures(
        name=name,
        steps=Counter(step.state for step in steps),
        seconds=busy_seconds(intervals),
        work_seconds=sum(interval.seconds for interval in intervals),
        rows=rows_of_tables(steps),
        bytes=sum(step.bytes for step in steps),
    )


def rows_of_tables(steps: Iterable[StepRecord]) -> int:
    """Return how many rows of tables were copied or compared."""
    return sum(step.rows for step in steps if step.plugin == TABLES)


def step_interval(step: StepRecord) -> Interval | None:
    """Return when a step ran; None for one that did not start, still runs, or waits to run again."""
    if step.state not in ("done", "failed") or step.started_at is None or step.finished_at is None:
        return None
    return Interval(step.started_at, step.finished_at)


def step_seconds(step: StepRecord) -> float:
    """Return how long a step took; 0 where it did not finish."""
    interval = step_interval(step)
    return interval.seconds if interval else 0.0
