"""What prechecks may use: sessions that they share, and what is looked up once for all of them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from psycopg.pq import TransactionStatus

from dtsrun.api import Check, Connection, Entry, Inventory, ProbeResult, Route, ServerFacts, Side, Spec
from dtsrun.engine.ends import probe_side
from dtsrun.engine.prepare import Preparation
from dtsrun.plan import with_defaults

CHECK_SETTINGS: Final = {
    "statement_timeout": "60s",
    "lock_timeout": "5s",
    "default_transaction_read_only": "on",
}
"""Settings of sessions that only look."""

MOST_SESSIONS: Final = 3
"""Sessions that one check has on one side at once, so that four checks have at most twelve there."""

MOST_IDLE: Final = 4
"""Sessions on one side that wait for the next check: each would take a login, 4 ms of our processor and 8 of theirs."""

_Found = TypeVar("_Found")


@dataclass(slots=True)
class Sessions:
    """Sessions of one check on one side, the least lately used first."""

    opened: OrderedDict[str | None, Connection] = field(default_factory=OrderedDict)

    def get(self, database: str | None, connect: Callable[[], Connection]) -> Connection:
        """Return the session on a database; closes the one that was longest not asked for, where there are many."""
        known = self.opened.pop(database, None)
        if known is None or known.closed:
            self._make_room()
            known = connect()
        self.opened[database] = known
        return known

    def settle(self) -> None:
        """End what a check left open, so that the next one finds sessions as new."""
        for connection in self.opened.values():
            if not connection.closed and not _is_idle(connection):
                connection.rollback()

    def give_back(self) -> Iterator[tuple[str | None, Connection]]:
        """Yield all, for others; they are no longer the check's."""
        while self.opened:
            yield self.opened.popitem(last=False)

    def close(self) -> None:
        """Close all."""
        for connection in self.opened.values():
            connection.close()

    def _make_room(self) -> None:
        """One in a transaction stays: a check is in the midst of it."""
        idle = [name for name, connection in self.opened.items() if connection.closed or _is_idle(connection)]
        for name in idle[: len(self.opened) - MOST_SESSIONS + 1]:
            self.opened.pop(name).close()


def _is_idle(connection: Connection) -> bool:
    return connection.info.transaction_status is TransactionStatus.IDLE


class Checking:
    """The sessions and answers that prechecks share; makes a check's context. Safe to use from several threads."""

    def __init__(self, preparation: Preparation) -> None:
        self.preparation = preparation
        self._sessions: dict[tuple[int, Side], Sessions] = {}
        self._idle: dict[Side, list[tuple[str | None, Connection]]] = {"source": [], "target": []}
        self._answers: dict[tuple[str, str], Any] = {}
        self._answering = threading.RLock()
        self._opening = threading.Lock()

    def context(self, check: Check[Any], options: Mapping[str, Any]) -> CheckView:
        """Return what a check may use, in the thread that makes it."""
        for side in ("source", "target"):
            own = self._own(side)
            own.settle()
            self._keep(side, own.give_back())
        return CheckView(self, with_defaults(check, options))

    def connection(self, side: Side, database: str | None) -> Connection:
        """Return a read-only session for the check that the calling thread makes."""
        return self._own(side).get(database, lambda: self._idle_one(side, database) or self._new(side, database))

    def probe(self, side: Side) -> Sequence[ProbeResult]:
        """Return the connectivity test of a side, made once."""
        ends = self.preparation.ends
        return self._once("probe", side, lambda: tuple(probe_side(ends.spec, ends.registry, side)))

    def target_databases(self) -> frozenset[str]:
        """Return the names of the target's databases, looked up once."""
        return self._once("target databases", "", self.preparation.target_databases)

    def conflicts(self, database: str) -> Sequence[Entry]:
        """Return selected entries whose label exists on the target already, looked up once."""
        return self._once("conflicts", database, lambda: self.preparation.conflicts(database))

    def close(self) -> None:
        """Close all sessions."""
        for sessions in self._sessions.values():
            sessions.close()
        for idle in self._idle.values():
            for _, connection in idle:
                connection.close()

    def _new(self, side: Side, database: str | None) -> Connection:
        return self.preparation.ends.connect(side, database, "check", **CHECK_SETTINGS)

    def _idle_one(self, side: Side, database: str | None) -> Connection | None:
        """Take a session that an earlier check has had, the latest first."""
        with self._opening:
            idle = self._idle[side]
            at = next((i for i in reversed(range(len(idle))) if idle[i][0] == database), None)
            return None if at is None else idle.pop(at)[1]

    def _keep(self, side: Side, sessions: Iterable[tuple[str | None, Connection]]) -> None:
        """Let sessions wait for the next check; close those that waited longest, where there are many."""
        with self._opening:
            idle = [*self._idle[side], *(each for each in sessions if not each[1].closed)]
            self._idle[side] = idle[-MOST_IDLE:]
        for _, connection in idle[:-MOST_IDLE]:
            connection.close()

    def _own(self, side: Side) -> Sessions:
        with self._opening:
            return self._sessions.setdefault((threading.get_ident(), side), Sessions())

    def _once(self, what: str, key: str, look: Callable[[], _Found]) -> _Found:
        with self._answering:
            if (what, key) not in self._answers:
                self._answers[what, key] = look()
            found: _Found = self._answers[what, key]
            return found


@dataclass(frozen=True, slots=True)
class CheckView:
    """What a precheck may use (see `dtsrun.api.CheckContext`)."""

    checking: Checking
    options: Mapping[str, Any]

    @property
    def spec(self) -> Spec:
        """The spec."""
        return self.checking.preparation.ends.spec

    @property
    def inventory(self) -> Inventory:
        """What is selected of the source."""
        return self.checking.preparation.inventory

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""
        return self.checking.preparation.ends.facts[side]

    def route(self, side: Side) -> Route:
        """Return the open route of a side."""
        return self.checking.preparation.ends.routes[side]

    def source(self, database: str | None = None) -> Connection:
        """Return a session on the source."""
        return self.checking.connection("source", database)

    def target(self, database: str | None = None) -> Connection | None:
        """Return a session on the target's counterpart of a source database."""
        name = None if database is None else self.spec.selection.target_name(database)
        if name is not None and name not in self.checking.target_databases():
            return None
        return self.checking.connection("target", database)

    def target_entries(self, database: str) -> Sequence[Entry]:
        """Return what the target's counterpart of a source database holds."""
        return self.checking.preparation.target_entries(database)

    def probe(self, side: Side) -> Sequence[ProbeResult]:
        """Return the connectivity test of a side."""
        return self.checking.probe(side)

    def conflicts(self, database: str) -> Sequence[Entry]:
        """Return selected entries whose label exists on the target already."""
        return self.checking.conflicts(database)
