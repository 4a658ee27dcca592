"""The report as data: what a task did, how long it took, how it was proved and what is left to do.

`build_report` reads the journal alone, so a report can be made again long after the servers are gone. Renderers
(`text`, `as_json`, `html`) add words and layout, never figures.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from dtsrun.api import CheckResult, Deviation, Difference, Failure, Outcome
from dtsrun.errors import SpecError
from dtsrun.journal import Journal, StepRecord, TaskRecord
from dtsrun.report.aligned import Aligned, aligned_of
from dtsrun.report.holds import Hold, holds_of
from dtsrun.report.next_steps import next_steps
from dtsrun.report.tasks import allowed_of, is_abandoned, starts_at
from dtsrun.report.timing import Interval, busy_seconds
from dtsrun.report.tracker import TABLES

STAGES: Final = ("precheck", "structure", "full", "indexes", "incremental", "verify", "complete")
"""Stages in the order in which people think of them; others follow by name."""
MOST_TABLES: Final = 10
"""How many of the largest and of the slowest tables are named."""
WORST_FIRST: Final = tuple(reversed(Outcome))


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """One end of the migration, as people know it."""

    description: str = ""
    version: str = ""

    def __str__(self) -> str:
        known = f"PostgreSQL {self.version}" if self.version else ""
        return ", ".join(part for part in (self.description, known) if part) or "unknown"


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
    bytes: int

    @property
    def total(self) -> int:
        """All steps, whatever their state."""
        return sum(self.steps.values())

    @property
    def rate(self) -> float | None:
        """Bytes a second over the time in which it worked."""
        return self.bytes / self.seconds if self.bytes and self.seconds > 0 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class TableFigures:
    """The copy of one table."""

    database: str | None
    title: str
    rows: int
    bytes: int
    seconds: float
    way: str = ""
    """What moved the rows, and in which format: `relay, binary`; `libpq` where a connection is encrypted."""

    @property
    def rate(self) -> float | None:
        """Bytes a second; None where it was too quick to tell."""
        return self.bytes / self.seconds if self.seconds > 0 else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One snapshot of a database in which rows were copied."""

    database: str
    number: int
    steps: int
    rows: int
    started_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """One way in which both ends were compared."""

    plugin: str
    done: int
    """Comparisons that were made."""
    total: int
    rows: int
    """What they compared: rows of tables, else objects."""
    mode: str
    """How rows are compared: `full`, `sample`, `rows`; empty where it is not known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A step in time, for the chart."""

    key: str
    stage: str
    lane: str
    title: str
    state: str
    interval: Interval


@dataclass(frozen=True, kw_only=True, slots=True)
class RunningStep:
    """A step that runs, as far as the journal knows."""

    title: str
    database: str | None
    size: int
    started_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """What was moved in all."""

    databases: int
    tables: int
    """Tables whose rows were copied."""
    rows: int
    """Rows of tables."""
    bytes: int
    """Rows, large objects and whatever else the copy moved."""
    objects: Mapping[str, int] = field(default_factory=dict)
    """Number of definitions, roles, large objects ... by kind, as planned."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """All that is to be said of a task."""

    task: str
    id: str
    state: str
    is_abandoned: bool
    """Whether its runner is gone without having ended it."""
    allowed: tuple[str, ...]
    """What may be asked for in its state."""
    starts_at: datetime | None
    """When it starts, while it waits for its time."""
    migration_type: str
    spec_path: str
    digest: str
    checked: str
    """When the checks were made and the digest of what they are tied to; empty where none were."""
    runner: str
    started_at: datetime | None
    finished_at: datetime | None
    source: End
    target: End
    totals: Totals
    stages: tuple[StageFigures, ...]
    running: tuple[RunningStep, ...]
    largest: tuple[TableFigures, ...]
    slowest: tuple[TableFigures, ...]
    findings: tuple[CheckResult, ...]
    """Worst first."""
    deviations: tuple[Deviation, ...]
    failures: tuple[tuple[str, Failure], ...]
    differences: tuple[Difference, ...]
    blocked: tuple[str, ...]
    """Titles of steps that could not be done because of others."""
    proofs: tuple[Proof, ...]
    epochs: tuple[Epoch, ...]
    aligned: tuple[Aligned, ...]
    """What was aligned at the cutover, in the order of the plan."""
    holds: tuple[Hold, ...]
    """When copies were held for a server's sake."""
    gates: tuple[Mapping[str, Any], ...]
    """Gates of the last cutover that was tried: `gate`, `outcome`, `said`, `reason`."""
    left_out: tuple[str, ...]
    """What exists on the source and was not moved, with why."""
    notes: tuple[str, ...]
    """What the access types say, e.g. how to open psql."""
    next_steps: tuple[str, ...]
    paths: Mapping[str, str]
    """Files by what they are: `html`, `json`, `log`."""
    bars: tuple[Bar, ...]

    @property
    def seconds(self) -> float:
        """Time in which at least one step was running: pauses do not count."""
        return busy_seconds(bar.interval for bar in self.bars)

    @property
    def epochs_by_database(self) -> Mapping[str, tuple[Epoch, ...]]:
        """Databases whose rows were copied in more than one snapshot."""
        names = dict.fromkeys(epoch.database for epoch in self.epochs)
        grouped = {name: tuple(e for e in self.epochs if e.database == name) for name in names}
        return {name: epochs for name, epochs in grouped.items() if len(epochs) > 1}


def build_report(journal: Journal, task_name: str) -> Report:
    """Return the report of a task, finished or not. Raises SpecError where there is no such task."""
    task = find_task(journal, task_name)
    steps = journal.steps(task_name)
    copies = tuple(_table(step) for step in steps if _is_table_copy(step))
    differences = tuple(journal.differences(task_name))
    failures = tuple(journal.failures(task_name))
    summary = task.summary
    return Report(
        task=task.name,
        id=task.id,
        state=task.state,
        is_abandoned=is_abandoned(task),
        allowed=allowed_of(task),
        starts_at=starts_at(task),
        migration_type=task.migration_type,
        spec_path=task.spec_path,
        digest=task.digest,
        checked=_checked(summary.get("checked")),
        runner=task.runner,
        started_at=task.started_at,
        finished_at=task.finished_at,
        source=_end(summary.get("source")),
        target=_end(summary.get("target")),
        totals=_totals(steps, summary),
        stages=stage_figures(steps),
        running=tuple(_running(step) for step in steps if step.state == "running"),
        largest=_top(copies, lambda table: table.bytes),
        slowest=_top(copies, lambda table: table.seconds),
        findings=worst_first(journal.findings(task_name)),
        deviations=tuple(journal.deviations(task_name)),
        failures=failures,
        differences=differences,
        blocked=tuple(step.title or step.key for step in steps if step.state == "blocked"),
        proofs=_proofs(steps, str(summary.get("verify_mode", ""))),
        epochs=_epochs(steps),
        aligned=tuple(aligned_of(steps, journal.alignments(task_name))),
        holds=holds_of(journal, task_name),
        gates=tuple(summary.get("gates", ())),
        left_out=tuple(summary.get("left_out", ())),
        notes=tuple(summary.get("notes", ())),
        next_steps=next_steps(task, moved=_has_moved(steps), failed=bool(failures), different=bool(differences)),
        paths={str(k): str(v) for k, v in summary.get("paths", {}).items()},
        bars=_bars(steps),
    )


def find_task(journal: Journal, name: str) -> TaskRecord:
    """Return a task by its name. Raises SpecError with the names that there are."""
    task = journal.task(name)
    if task is None:
        known = ", ".join(sorted(other.name for other in journal.tasks()))
        raise SpecError(f"there is no task {name!r}", hint=f"tasks: {known}" if known else "no task was ever run here")
    return task


def worst_first(results: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """Return checks with those that block first; equal ones keep their order."""
    return tuple(sorted(results, key=lambda result: WORST_FIRST.index(result.outcome)))


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
        rows=sum(step.rows for step in steps),
        bytes=sum(step.bytes for step in steps),
    )


def step_interval(step: StepRecord) -> Interval | None:
    """Return when a step ran; None for one that did not start, or that still runs."""
    if step.started_at is None or step.finished_at is None:
        return None
    return Interval(step.started_at, step.finished_at)


def step_seconds(step: StepRecord) -> float:
    """Return how long a step took; 0 where it did not finish."""
    interval = step_interval(step)
    return interval.seconds if interval else 0.0


def _running(step: StepRecord) -> RunningStep:
    return RunningStep(title=step.title or step.key, database=step.database, size=step.size, started_at=step.started_at)


def _is_table_copy(step: StepRecord) -> bool:
    return step.stage == "full" and step.plugin == TABLES and step.state == "done"


def _table(step: StepRecord) -> TableFigures:
    return TableFigures(
        database=step.database,
        title=(step.title or step.key).removeprefix("copy "),
        rows=step.rows,
        bytes=step.bytes,
        seconds=step_seconds(step),
        way=step.message,
    )


def _top(tables: Iterable[TableFigures], figure: Callable[[TableFigures], float]) -> tuple[TableFigures, ...]:
    return tuple(sorted(tables, key=figure, reverse=True)[:MOST_TABLES])


def _totals(steps: Sequence[StepRecord], summary: Mapping[str, Any]) -> Totals:
    copies = [step for step in steps if _is_table_copy(step)]
    moved = [step for step in steps if step.stage == "full"]
    return Totals(
        databases=len({step.database for step in steps if step.database}),
        tables=sum(copy.tables for copy in copies),
        rows=sum(copy.rows for copy in copies),
        bytes=sum(step.bytes for step in moved),
        objects=dict(summary.get("objects", {})),
    )


def _proofs(steps: Iterable[StepRecord], mode: str) -> tuple[Proof, ...]:
    by_plugin: dict[str, list[StepRecord]] = {}
    for step in steps:
        if step.stage == "verify":
            by_plugin.setdefault(step.plugin, []).append(step)
    return tuple(_proof(plugin, compared, mode) for plugin, compared in by_plugin.items())


def _proof(plugin: str, steps: Sequence[StepRecord], mode: str) -> Proof:
    return Proof(
        plugin=plugin,
        done=sum(step.tables for step in steps if step.state == "done"),
        total=sum(step.tables for step in steps),
        rows=sum(step.rows for step in steps),
        mode=mode,
    )


def _has_moved(steps: Iterable[StepRecord]) -> bool:
    """Tell whether a task does more than compare (`dtsrun verify` is a task that does not)."""
    stages = {step.stage for step in steps}
    return stages != {"verify"}


def _epochs(steps: Iterable[StepRecord]) -> tuple[Epoch, ...]:
    grouped: dict[tuple[str, int], list[StepRecord]] = {}
    for step in steps:
        if step.stage == "full" and step.database and step.epoch and step.state == "done":
            grouped.setdefault((step.database, step.epoch), []).append(step)
    return tuple(_epoch(database, number, grouped[database, number]) for database, number in sorted(grouped))


def _epoch(database: str, number: int, steps: Sequence[StepRecord]) -> Epoch:
    return Epoch(
        database=database,
        number=number,
        steps=len(steps),
        rows=sum(step.rows for step in steps),
        started_at=min((step.started_at for step in steps if step.started_at), default=None),
    )


def _bars(steps: Iterable[StepRecord]) -> tuple[Bar, ...]:
    return tuple(
        Bar(
            key=step.key,
            stage=step.stage,
            lane=step.lane,
            title=step.title or step.key,
            state=step.state,
            interval=interval,
        )
        for step in steps
        if (interval := step_interval(step))
    )


def _checked(data: Any) -> str:
    return f"{data['at']}, tied to {data['digest']}" if isinstance(data, Mapping) and "digest" in data else ""


def _end(data: Any) -> End:
    if isinstance(data, Mapping):
        return End(description=str(data.get("description", "")), version=str(data.get("version", "")))
    return End(description=str(data or ""))
