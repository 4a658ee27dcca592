"""The report as data: what a task did, how long it took, how it was proved and what is left to do.

`dtsrun.report.build` makes it. Renderers (`text`, `as_json`, `html`) add words and layout, never figures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from dtsrun.api import CheckResult, Deviation, Difference, Failure
from dtsrun.report.aligned import Aligned
from dtsrun.report.followed import LinkFigures
from dtsrun.report.holds import Hold
from dtsrun.report.stages import StageFigures
from dtsrun.report.timing import Interval, busy_seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class End:
    """One end of the migration, as people know it."""

    description: str = ""
    version: str = ""

    def __str__(self) -> str:
        known = f"PostgreSQL {self.version}" if self.version else ""
        return ", ".join(part for part in (self.description, known) if part) or "unknown"


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
    checked_at: datetime | None
    """When the checks were made; None where none were."""
    tied_to: str
    """SHA-256 over the spec, the policy and the structure of the source, which their outcome is tied to."""
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
    links: tuple[LinkFigures, ...] = ()
    """How changes are followed; none where the task has ended."""
    drifted: tuple[str, ...] = ()
    """What has drifted on the source and is not mended, each with its number."""
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
