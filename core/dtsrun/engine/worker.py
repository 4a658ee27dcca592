"""Runs one step: connections, the transaction that work and mark share, and what the action may see.

Nothing here relies on the engine's own process but the progress callback: a step, its snapshot and its result are
data.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg import sql

from dtsrun import marks
from dtsrun.api import Connection, Entry, LinkStatus, Route, ServerFacts, Side, Spec, Step, StepResult
from dtsrun.engine.ends import Ends
from dtsrun.engine.snapshots import Snapshot
from dtsrun.errors import MigrationError
from dtsrun.inventory import dump_entries
from dtsrun.packed import unpacked
from dtsrun.plan import with_defaults
from dtsrun.postgres.sqlstate import SnapshotLost

DATABASES_KEPT: Final = 2
"""Connections that a worker keeps for each side; steps of one database tend to come together."""

TARGET_SETTINGS: Final = {"synchronous_commit": "off"}
"""A mark and its work reach the disk together or not at all, so no commit has to wait for the disk but the last one,
which makes all before it durable (`Tidy`)."""

GONE: Final = (
    psycopg.errors.InvalidParameterValue,
    psycopg.errors.UndefinedObject,
    psycopg.errors.ObjectNotInPrerequisiteState,
)
"""How versions say that the transaction which exported a snapshot has ended."""

Follow = Callable[[Step], Sequence[LinkStatus]]

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Order:
    """What the engine hands to a worker."""

    step: Step
    snapshot: Snapshot | None
    """None where the step reads no source database."""


@dataclass(frozen=True, slots=True)
class Callbacks:
    """The worker's way back to the engine."""

    progress: Callable[[str, int, int], None]
    """key, rows, bytes since the last call; raises Interrupted when the user stopped the task."""
    created: Callable[[str, str], None]
    """what, name; before it is made."""


class Worker:
    """Connections of one worker thread, and the running of its steps."""

    def __init__(self, ends: Ends, task: str, callbacks: Callbacks, follow: Follow | None = None) -> None:
        self._ends = ends
        self.follow = follow
        """Lets the engine carry the changes of a step's database; None where the task follows none."""
        self._task = task
        self._callbacks = callbacks
        self._connections: dict[tuple[Side, str | None], Connection] = {}
        self._joined: dict[str, str] = {}
        """Source database -> identifier of the snapshot that its session is in."""
        self._prepared: set[str | None] = set()
        """Databases of the target that are known to have the schema of the marks."""
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    def run(self, order: Order) -> StepResult:
        """Run a step. What it raises is for the engine to judge; its connections are clean afterwards, or closed."""
        try:
            result = self._run(replace(order, step=unpacked(order.step)))
            if self.follow is not None:
                self._let_go()
            return result
        except BaseException:
            self._discard()
            raise

    def cancel(self) -> None:
        """Ask the servers to stop what this worker's connections are doing, for good. Called from another thread."""
        self._cancelled.set()
        with self._lock:
            connections = list(self._connections.values())
        for connection in connections:
            if not connection.closed:
                connection.cancel_safe(timeout=5)

    def close(self) -> None:
        """Close all connections."""
        self._discard()

    def connection(self, side: Side, database: str | None) -> Connection:
        """Return this worker's session on one side; `database` is the source's name on either."""
        key = (side, database)
        known = self._connections.get(key)
        if known is not None and not known.closed:
            return known
        self._make_room(side)
        settings = TARGET_SETTINGS if side == "target" else {}
        connection = self._ends.connect(side, database, f"{self._task} worker", **settings)
        with self._lock:
            self._connections[key] = connection
        return connection

    def in_snapshot(self, snapshot: Snapshot) -> Connection:
        """Return the session on a source database, inside a read-only transaction in the snapshot.

        Raises:
            SnapshotLost: the session that exported it is gone.
        """
        connection = self.connection("source", snapshot.database)
        if self._joined.get(snapshot.database) == snapshot.identifier and _in_transaction(connection):
            return connection
        connection.rollback()
        connection.execute("begin isolation level repeatable read read only")
        try:
            connection.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(snapshot.identifier)))
        except GONE as error:
            raise SnapshotLost(f"snapshot {snapshot.identifier} of {snapshot.database} is gone") from error
        self._joined[snapshot.database] = snapshot.identifier
        return connection

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""
        return self._ends.facts[side]

    def route(self, side: Side) -> Route:
        """Return the open route of a side."""
        return self._ends.routes[side]

    @property
    def spec(self) -> Spec:
        """The spec that the task runs."""
        return self._ends.spec

    @property
    def callbacks(self) -> Callbacks:
        """The way back to the engine."""
        return self._callbacks

    def options(self, plugin: str) -> Mapping[str, Any]:
        """Return a plugin's options from the spec over its defaults."""
        family, _, short = plugin.partition(".")
        given = self.spec.kinds if family == "object" else self.spec.stages
        return with_defaults(self._ends.registry.get(plugin), given.get(short, {}))

    def dump(self, side: Side, database: str, snapshot: Snapshot | None) -> Sequence[Entry]:
        """Return the entries of a fresh dump of one end."""
        joined = snapshot if side == "source" and snapshot and snapshot.database == database else None
        name = database if side == "source" else self.spec.selection.target_name(database)
        try:
            return dump_entries(
                self.route(side),
                name,
                self._ends.registry.object_kinds,
                at_least=max(facts.major for facts in self._ends.facts.values()),
                snapshot=joined.identifier if joined else None,
                is_stopping=self._cancelled.is_set,
            )
        except MigrationError as error:
            if joined and "snapshot" in error.message:
                raise SnapshotLost(error.message) from error
            raise

    def _let_go(self) -> None:
        """End the transactions on the source: they lock every table that was read in them, and an application that
        waits for one of those (TRUNCATE, ALTER TABLE) makes all others wait behind it.

        Where changes are followed nothing is lost by that: what becomes of a table after the snapshot is in the slot.
        """
        for (side, _), connection in self._connections.items():
            if side == "source" and not connection.closed and _in_transaction(connection):
                connection.rollback()
        self._joined.clear()

    def _run(self, order: Order) -> StepResult:
        step = order.step
        action: Callable[[Context], StepResult] = getattr(self._ends.registry.get(step.plugin), f"do_{step.action}")
        if not step.transactional:
            result = action(Context(self, order, NOTHING))
            if step.marked:
                self._mark(order, result)
            return result
        target = self.connection("target", step.database)
        known = self._known(step) if step.marked else None
        if known and known.done:
            # The connection broke after the commit and before its answer: it is done, and is not done twice.
            return StepResult(rows=known.rows, bytes=known.bytes, detail=known.detail)
        with target.transaction():
            result = action(Context(self, order, known.detail if known else NOTHING))
            if step.marked:
                self._mark(order, result)
        return result

    def _known(self, step: Step) -> marks.Mark | None:
        target = self.connection("target", step.database)
        if step.database not in self._prepared:
            marks.prepare(target)
            self._prepared.add(step.database)
        return marks.read(target, self._task, step.key)

    def _mark(self, order: Order, result: StepResult) -> None:
        target = self.connection("target", order.step.database)
        if order.step.database not in self._prepared:
            marks.prepare(target)
            self._prepared.add(order.step.database)
        marks.write(target, self._task, order.step.key, order.snapshot.epoch if order.snapshot else 0, result)

    def _make_room(self, side: Side) -> None:
        mine = [key for key in self._connections if key[0] == side]
        for key in mine[: max(0, len(mine) - DATABASES_KEPT + 1)]:
            self._drop(key)

    def _discard(self) -> None:
        for key in list(self._connections):
            self._drop(key)

    def _drop(self, key: tuple[Side, str | None]) -> None:
        with self._lock:
            connection = self._connections.pop(key)
        connection.close()
        if key[0] == "source" and key[1] is not None:
            self._joined.pop(key[1], None)


@dataclass(frozen=True, slots=True)
class Context:
    """What a running step may use (see `dtsrun.api.StepContext`)."""

    worker: Worker
    order: Order
    earlier: Mapping[str, Any]

    @property
    def step(self) -> Step:
        """The step itself."""
        return self.order.step

    @property
    def spec(self) -> Spec:
        """The spec that the task runs."""
        return self.worker.spec

    @property
    def options(self) -> Mapping[str, Any]:
        """The plugin's options."""
        return self.worker.options(self.step.plugin)

    @property
    def epoch(self) -> int:
        """Number of the snapshot."""
        return self.order.snapshot.epoch if self.order.snapshot else 0

    def source(self, database: str | None = None) -> Connection:
        """Return a session on the source, in the snapshot where it is the step's own database."""
        wanted = database or self.step.database
        if self.order.snapshot and self.order.snapshot.database == wanted:
            return self.worker.in_snapshot(self.order.snapshot)
        return self.worker.connection("source", wanted)

    def target(self, database: str | None = None) -> Connection:
        """Return a session on the target."""
        return self.worker.connection("target", database or self.step.database)

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""
        return self.worker.facts(side)

    def route(self, side: Side) -> Route:
        """Return the open route of a side."""
        return self.worker.route(side)

    def follow(self) -> Sequence[LinkStatus]:
        """Let the engine carry the changes of the step's database."""
        if self.worker.follow is None:
            raise MigrationError("this task follows no changes", hint="set migration.type to full_incremental")
        return self.worker.follow(self.step)

    def dump(self, side: Side, database: str) -> Sequence[Entry]:
        """Return the entries of a fresh dump of one end."""
        return self.worker.dump(side, database, self.order.snapshot)

    def progress(self, *, rows: int = 0, bytes: int = 0) -> None:
        """Tell of work done."""
        self.worker.callbacks.progress(self.step.key, rows, bytes)

    def created(self, what: str, name: str) -> None:
        """Remember what is about to be made."""
        self.worker.callbacks.created(what, name)


def _in_transaction(connection: Connection) -> bool:
    return connection.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
