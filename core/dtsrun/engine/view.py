"""What an engine that carries changes may use of the task, and which engine that is."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from dtsrun.api import Connection, Engine, Route, ServerFacts, Side, Spec
from dtsrun.engine.ends import Ends
from dtsrun.journal import Creation, Journal
from dtsrun.plan import with_defaults

STAGE: Final = "stage.incremental"


class View:
    """What an engine may use (see `dtsrun.api.EngineContext`). Safe to use from several threads."""

    def __init__(self, ends: Ends, journal: Journal, task: str) -> None:
        self.task = task
        self._ends = ends
        self._journal = journal
        self._connections: dict[tuple[Side, str], Connection] = {}
        self._lock = threading.Lock()
        self.deadline: float | None = None
        """When all waits have to be over, by the clock of `time.monotonic`; None: no completion is under way."""

    @property
    def spec(self) -> Spec:
        """The spec that the task runs."""
        return self._ends.spec

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the stage `incremental`."""
        return options_of(self._ends)

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""
        return self._ends.facts[side]

    def route(self, side: Side) -> Route:
        """Return the open route of a side."""
        return self._ends.routes[side]

    def source(self, database: str) -> Connection:
        """Return an autocommit connection to a database of the source."""
        return self._connection("source", database)

    def target(self, database: str) -> Connection:
        """Return an autocommit connection to the target's counterpart."""
        return self._connection("target", database)

    def created(self, side: Side, what: str, name: str, database: str | None = None, undo: str | None = None) -> None:
        """Remember what is about to be made."""
        made = Creation(side=side, what=what, name=name, database=database, undo=undo)
        self._journal.created(self.task, made)

    def patience(self, seconds: float) -> float:
        """Return how long a wait may take."""
        return seconds if self.deadline is None else max(0.0, min(seconds, self.deadline - time.monotonic()))

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()

    def _connection(self, side: Side, database: str) -> Connection:
        with self._lock:
            known = self._connections.get((side, database))
            if known is None or known.closed:
                known = self._ends.connect(side, database, f"{self.task} following")
                self._connections[side, database] = known
            return known


def options_of(ends: Ends) -> Mapping[str, Any]:
    """Return the options of the stage `incremental` over its defaults."""
    return with_defaults(ends.registry.get(STAGE), ends.spec.stages.get("incremental", {}))


def engine_of(ends: Ends) -> Engine:
    """Return the engine that the spec chose. Raises PluginError where there is none of that name."""
    engine = ends.registry.get(f"engine.{options_of(ends)['engine']}")
    assert isinstance(engine, Engine)  # the registry keeps names to their family
    return engine
