"""The frozen model of the spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from dtsrun.api.routes import Endpoint, Side
from dtsrun.api.selection import Selection


class MigrationType(StrEnum):
    """What a task does."""

    STRUCTURAL = "structural"
    FULL = "full"
    FULL_INCREMENTAL = "full_incremental"


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSettings:
    """The key `task`."""

    name: str
    run: datetime | None = None
    """When to start, with a time zone; None means at once."""
    tags: Mapping[str, str] = field(default_factory=dict)
    retry_for: float = 1800.0
    """Seconds for which transient faults are retried; 0 means never."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttling:
    """The key `resources.throttle`: what copies give way to."""

    every: float = 5.0
    """Seconds between two looks."""
    hold_at_most: float = 600.0
    """Seconds."""
    unread: str = "go_on"
    """What copies do while a signal cannot be read: go_on | hold."""
    signals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options by plugin name without the family; sizes are bytes, durations seconds, rates bytes a second."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Resources:
    """The key `resources`; None means that dtsrun chooses and says what it chose."""

    copy: int | None = None
    """Tables copied at once."""
    index: int | None = None
    """Indexes and constraints built at once."""
    format: str = "auto"
    """In which rows travel: auto | text | binary."""
    split_tables_larger_than: int | None = None
    """Bytes."""
    index_memory: int | None = None
    """Bytes for all index builds together; None, once decided: the server's own setting."""
    index_workers: int | None = None
    """Workers beside the one that builds an index, decided by dtsrun; None: the server's own setting."""
    rate_limit: int | None = None
    """Bytes a second over all copying sessions."""
    throttle: Throttling | None = None
    """None: copies give way to nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """What the user wrote, checked and frozen."""

    path: Path
    task: TaskSettings
    source: Endpoint
    target: Endpoint
    migration_type: MigrationType
    selection: Selection
    on_conflict: str = "fail"
    """Objects of the same name on the target: fail | skip | drop."""
    kinds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of object kinds, by plugin name without the family."""
    stages: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of stages, by plugin name without the family."""
    policy: Mapping[str, Any] = field(default_factory=dict)
    """The policy document with `extends` resolved."""
    policy_places: Mapping[str, str] = field(default_factory=dict)
    """Who said it: `file:line` by JSON pointer into the policy."""
    resources: Resources = field(default_factory=Resources)
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The validated YAML as plain data."""
    digest: str = ""
    """SHA-256 of the canonical document: what a passed precheck and a resumed task are tied to."""
    warnings: tuple[str, ...] = ()

    def endpoint(self, side: Side) -> Endpoint:
        """Return the endpoint of a side."""
        return self.source if side == "source" else self.target
