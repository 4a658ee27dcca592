"""What the journal remembers, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRecord:
    """One task."""

    name: str
    id: str
    state: str
    spec_path: str
    digest: str
    migration_type: str
    started_at: datetime
    finished_at: datetime | None
    runner: str
    """host:pid of the process that works or last worked at it."""
    summary: Mapping[str, Any] = field(default_factory=dict)
    """What the report needs beside steps and findings: versions, ends, inventory totals, epochs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StepRecord:
    """One step of the task's plan, and how it went."""

    key: str
    stage: str
    plugin: str
    title: str
    database: str | None
    lane: str
    size: int
    state: str
    """waiting | running | done | failed | blocked"""
    worker: str | None
    started_at: datetime | None
    finished_at: datetime | None
    rows: int
    bytes: int
    epoch: int | None
    message: str
    tables: int = 1
    """Whose rows it moves or compares, if it does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRecord:
    """Something that happened."""

    id: int
    at: datetime
    kind: str
    step: str | None
    message: str
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Creation:
    """Something that the task made and that outlives a step."""

    side: str
    what: str
    """`database`, `role`, `slot`, `publication`, `replica identity`, ..."""
    name: str
    database: str | None = None
    """Source name of the database that it lies in; None: the whole server."""
    undo: str | None = None
    """Statement that takes it away or gives back what was; None where its kind alone says how."""
