"""The unit of work: plain data, so that it can be printed, journaled, resumed and sent elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from dtsrun.api.findings import Alignment, Deviation, Difference


class Lane(StrEnum):
    """Which workers take a step; `Resources` says how many each lane has."""

    STRUCTURE = "structure"
    """Catalog changes; short, cheap, little to gain from many at once."""
    COPY = "copy"
    """Rows and large objects."""
    INDEX = "index"
    """Indexes, constraints, refreshes, statistics."""
    VERIFY = "verify"
    """Comparison of both ends."""


def entry_name(database: str, entry: int) -> str:
    """Return the name under which the step that creates an entry of the dump provides it."""
    return f"{database}/entry/{entry}"


def rows_name(database: str, relation: int) -> str:
    """Return the name for all rows of a relation, its partitions and heirs included.

    The step that copies a table provides this name for the table and for every ancestor of it.
    """
    return f"{database}/rows/{relation}"


def own_rows_name(database: str, relation: int) -> str:
    """Return the name for the rows of a table itself, without its partitions and heirs.

    Only steps that copy rows of that very table provide it: their marks tell in which epoch it was copied.
    """
    return f"{database}/own-rows/{relation}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One piece of work. Its action is the method `do_<action>` of the plugin that it names."""

    key: str
    """Unique in the plan and stable from run to run: `shop/copy/public.orders`."""
    stage: str
    """The label, without the family: `structure`, `full`, `indexes`, `verify`, `complete`."""
    plugin: str
    """`object.tables`."""
    action: str
    """`copy` runs `do_copy(context)`."""
    database: str | None = None
    """Source name of the database it works in; None: the whole server (its target is the maintenance database)."""
    args: Mapping[str, Any] = field(default_factory=dict)
    """JSON values only."""
    after: tuple[str, ...] = ()
    """Keys of steps that must be done before; all of them must be in the plan."""
    provides: Sequence[str] = ()
    """Names of what stands when it is done: `entry_name(...)`, `rows_name(...)`. Several steps may provide one name."""
    needs: Sequence[str] = ()
    """Names that must stand before. It waits for every step that provides one; a name without provider is fine (it
    is not part of this task)."""
    lane: Lane = Lane.STRUCTURE
    size: int = 0
    """Bytes that it moves or reads; larger ones start first."""
    tables: int = 1
    """How many tables' rows it moves or compares, if it does; of the parts of one table only the first counts."""
    locks: Sequence[str] = ()
    """Names that it needs for itself: two steps that share one never run at once."""
    transactional: bool = True
    """Whether the target's work and the mark commit together. Where PostgreSQL forbids it (CREATE DATABASE), the
    action must be safe to repeat."""
    marked: bool = True
    """Whether a finished step is remembered on the target. False for comparisons, which are made anew."""
    title: str = ""
    """For people: `copy public.orders`."""
    depends_softly: bool = False
    """Whether it runs even where a step that it waits for has failed (verification, clean-up)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """One object that could not be moved, while the rest went on."""

    object: str
    """`VIEW public.revenue`."""
    message: str
    """The server's own words, with SQLSTATE."""
    hint: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class StepResult:
    """What an action returns. Plain data."""

    rows: int = 0
    bytes: int = 0
    failures: tuple[Failure, ...] = ()
    """Where there are any, the step is not marked as done: `detail` is kept, and the next run tries the rest."""
    deviations: tuple[Deviation, ...] = ()
    differences: tuple[Difference, ...] = ()
    alignments: tuple[Alignment, ...] = ()
    """Of a step of the stage `complete`: every object that it brought up to date."""
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Kept in the mark; handed back as `StepContext.earlier` when the step is run again after failures."""
