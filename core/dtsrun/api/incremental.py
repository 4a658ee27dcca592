"""How changes are followed: links from the source to the target, and the engines that carry them.

A link is one replication slot of one epoch, with the tables that were copied in that epoch's snapshot. What it carries
begins exactly where the snapshot ended: no gap, no overlap.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from dtsrun.api.contexts import Connection
from dtsrun.api.inventory import ServerFacts
from dtsrun.api.plugins import Plugin
from dtsrun.api.routes import Route, Side
from dtsrun.api.spec import Spec
from dtsrun.errors import MigrationError


class Identity(StrEnum):
    """How a row that was changed or deleted on the source is found on the target."""

    KEY = "key"
    """By the primary key, or by the replica identity that the table had already."""
    INDEX = "index"
    """By a unique index that was made the table's replica identity for the time of the task."""
    FULL = "full"
    """By all columns: REPLICA IDENTITY FULL for the time of the task."""
    INSERT_ONLY = "insert_only"
    """Not at all: the table's columns cannot be compared. Inserts are followed; its rows are copied anew at completion
    if the source changed or deleted any."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkTable:
    """A table that a link follows."""

    oid: int
    """On the source."""
    schema: str
    name: str
    identity: Identity = Identity.KEY
    group: int = 0
    """Which of its epoch's links follows it."""
    row_filter: str | None = None
    """A boolean expression: which rows are followed. The publication applies it (from version 15 on)."""

    @property
    def qualified(self) -> str:
        """`schema.name`, unquoted, for people."""
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """One slot and the tables that it carries. Plain data."""

    name: str
    """Of the slot, and of the subscription or whatever else the engine makes: `[a-z0-9_]`, at most 63 characters."""
    database: str
    """Source name of the database."""
    epoch: int
    group: int = 0
    """Links of one epoch share the tables by groups; counts from 0."""
    publications: tuple[str, ...]
    start_lsn: int
    """Consistent point of the slot: what commits later is not in the epoch's snapshot."""
    tables: tuple[LinkTable, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkStatus:
    """How a link stands."""

    link: str
    state: str
    """`starting`, `streaming`, `stopped`, or `failed` (it does not go on by itself)."""
    received: int | None = None
    """WAL position of the source up to which changes have arrived."""
    applied: int | None = None
    """WAL position of the source up to which everything is committed on the target."""
    error: str | None = None
    """Why it failed, or what it tries again after."""
    table: str | None = None
    """`schema.name` of the offending table, where it is known."""
    at: datetime | None = None
    """When the target last heard of the source."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """What the engine has counted: `inserts`, `updates`, `deletes`, `missing`, ..."""


class EngineContext(Protocol):
    """What an engine may use."""

    @property
    def task(self) -> str: ...

    @property
    def spec(self) -> Spec: ...

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the stage `incremental` over its defaults."""

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""

    def route(self, side: Side) -> Route:
        """Return the open route of a side."""

    def source(self, database: str) -> Connection:
        """Return an autocommit connection to a database of the source."""

    def target(self, database: str) -> Connection:
        """Return an autocommit connection to the target's counterpart of a source database."""

    def created(self, side: Side, what: str, name: str, database: str | None = None, undo: str | None = None) -> None:
        """Remember, before making it, something that outlives this process: `subscription`, ...

        Args:
            database: source name of the database that it lies in.
            undo: statement that takes it away or gives back what was.
        """

    def patience(self, seconds: float) -> float:
        """Return how many seconds a wait may take: as many as would do, or what is left of a completion's time."""


class Engine(Plugin):
    """A way to carry changes: `stages.incremental.engine`. One instance serves all links of a process."""

    needs_peer: ClassVar[bool] = False
    """Whether the target's server must reach the source's (`Route.peer`)."""

    @abstractmethod
    def start(self, context: EngineContext, link: Link) -> None:
        """Begin to carry a link at its slot's position, or go on where it was. Safe to repeat.

        Raises:
            DtsrunError: it cannot begin; says why.
        """

    @abstractmethod
    def status(self, context: EngineContext, link: Link) -> LinkStatus:
        """Return how a link stands; cheap."""

    @abstractmethod
    def stop(self, context: EngineContext, link: Link) -> None:
        """Stop carrying, so that the slot is free; the position is kept and `start` goes on there. Safe to repeat.

        Raises:
            DtsrunError: the slot is still in use after `context.patience`.
        """

    def confirmed_at_most(self, context: EngineContext, link: Link) -> int | None:
        """Return a position of the source that the engine has never told its slot to go beyond; None: it cannot say.

        A slot that stands beyond it was made anew, or moved, by somebody else, and its tables are copied anew. So it
        has to be on the target's disk before the source is told.
        """
        return None

    def take_out(self, context: EngineContext, link: Link) -> None:
        """Let a link, which may run, follow the tables that `link` names from now on, and no others. Safe to repeat.

        The publications name only those by now. What was written to the others before, and is still in the slot, must
        never be applied again: their rows are copied anew meanwhile. Where there was something to change, the link
        stands still afterwards.

        Raises:
            DtsrunError: the engine cannot do that.
        """
        raise MigrationError(
            f"{self.name} cannot take a table out of link {link.name}", hint="follow with another engine, or begin anew"
        )

    @abstractmethod
    def remove(self, context: EngineContext, link: Link) -> None:
        """Take away all that `start` made; slot and publications are not its own. Safe to repeat."""
