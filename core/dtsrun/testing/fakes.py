"""Contexts for calling a plugin by hand, over real servers.

    with FakeCheckContext(source=source_route, target=target_route, databases=["shop"]) as context:
        findings = list(TableNames().check(context))

Whatever a context is given goes before what it would find out itself, so that a test can show a check a case that no
server here can: `FakeCheckContext(facts={"source": facts_of_version_9})`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from dtsrun.api import (
    Connection,
    DatabaseSelection,
    Endpoint,
    Entry,
    Finding,
    Instance,
    Inventory,
    Link,
    LinkStatus,
    MigrationType,
    ProbeResult,
    Route,
    SecretReference,
    Selection,
    ServerFacts,
    Side,
    Spec,
    TaskSettings,
    Throttle,
    WantedInstance,
)
from dtsrun.errors import AccessError
from dtsrun.postgres.probe import probe_route
from dtsrun.postgres.session import connect
from dtsrun.registry import load_registry
from dtsrun.spec.instances import find_instance

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True, slots=True)
class FakeAccessContext:
    """What an access type or a secret is handed (`dtsrun.api.AccessContext`)."""

    home: Path
    spec_folder: Path
    task: str = "test"
    secrets: Mapping[str, str] = field(default_factory=dict)
    """What `resolve` gives, by the reference's value."""

    def resolve(self, reference: SecretReference) -> str:
        """Return the secret that the test gave. Raises AccessError."""
        if reference.value not in self.secrets:
            raise AccessError(f"the test gives no secret for {reference.kind}")
        return self.secrets[reference.value]

    def find_instance(self, inventory: Mapping[str, Any], wanted: WantedInstance) -> Instance:
        """Return what the inventory provider says. Raises AccessError."""
        return find_instance(inventory, wanted, load_registry(), self)


class FakeCheckContext:
    """What a check is handed (`dtsrun.api.CheckContext`), over the routes to real servers."""

    def __init__(
        self,
        *,
        source: Route | None = None,
        target: Route | None = None,
        databases: Mapping[str, str] | Iterable[str] = (),
        options: Mapping[str, Any] | None = None,
        spec: Spec | None = None,
        **known: Any,
    ) -> None:
        """Describe the two ends.

        Args:
            databases: what is moved, by name, or names of the source with those of the target.
            options: the check's own.
            spec: instead of one that moves these databases.
            known: answers that are not looked up: `inventory`, and by side or database `facts`, `probes`,
                `target_entries`, `conflicts`.
        """
        names = databases if isinstance(databases, Mapping) else {name: name for name in databases}
        self.spec = spec or make_spec(names)
        self.options = options or {}
        self._routes: dict[Side, Route | None] = {"source": source, "target": target}
        self._known = known
        self._connections: dict[tuple[Side, str | None], Connection] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def inventory(self) -> Inventory:
        """What is selected of the source."""
        if "inventory" in self._known:
            given: Inventory = self._known["inventory"]
            return given
        # Imported late: tests of access types and secrets, which come here too, need none of it.
        from dtsrun.inventory import read_inventory

        return read_inventory(self.spec, self.route("source"), load_registry().object_kinds)

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""
        from dtsrun.inventory.facts import read_server_facts

        return self._answer("facts", side, lambda: read_server_facts(self._connect(side, None)))

    def route(self, side: Side) -> Route:
        """Return the route of a side. Raises AccessError where the test gives none."""
        route = self._routes[side]
        if route is None:
            raise AccessError(f"the test gives no {side}")
        return route

    def source(self, database: str | None = None) -> Connection:
        """Return a read-only connection to the source."""
        return self._connect("source", database)

    def target(self, database: str | None = None) -> Connection | None:
        """Return a read-only connection to the target's counterpart, None where it does not exist."""
        return self._connect("target", self._counterpart(database)) if self._exists(database) else None

    def target_entries(self, database: str) -> Sequence[Entry]:
        """Return what the target's counterpart of a database holds."""
        return self._answer("target_entries", database, lambda: self._dump_target(database))

    def probe(self, side: Side) -> Sequence[ProbeResult]:
        """Return the connectivity test of a side."""
        return self._answer("probes", side, lambda: list(probe_route(side, self.route(side))))

    def conflicts(self, database: str) -> Sequence[Entry]:
        """Return selected entries whose label exists on the target already."""
        return self._answer("conflicts", database, lambda: self._conflicts(database))

    def _answer(self, what: str, key: str, look: Callable[[], _T]) -> _T:
        known: Mapping[str, _T] = self._known.get(what, {})
        return known[key] if key in known else look()

    def _counterpart(self, database: str | None) -> str | None:
        return None if database is None else self.spec.selection.target_name(database)

    def _exists(self, database: str | None) -> bool:
        name = self._counterpart(database)
        found = self._connect("target", None).execute("select 1 from pg_database where datname = %s", [name])
        return database is None or found.fetchone() is not None

    def _connect(self, side: Side, database: str | None) -> Connection:
        key = (side, database)
        from dtsrun.engine.checking import CHECK_SETTINGS

        if key not in self._connections:
            opened = connect(self.route(side), database, settings=CHECK_SETTINGS, purpose="check")
            self._connections[key] = self._open.enter_context(opened)
        return self._connections[key]

    def _dump_target(self, database: str) -> Sequence[Entry]:
        from dtsrun.inventory import dump_entries

        if not self._exists(database):
            return ()
        newest = max(self.facts("source").major, self.facts("target").major)
        name = self.spec.selection.target_name(database)
        return dump_entries(self.route("target"), name, load_registry().object_kinds, at_least=newest)

    def _conflicts(self, database: str) -> Sequence[Entry]:
        held = {entry.label for entry in self.target_entries(database)}
        return [entry for entry in self.inventory.databases[database].entries.values() if entry.label in held]


class FakeGateContext(FakeCheckContext):
    """What a gate is handed (`dtsrun.api.GateContext`), over the routes to real servers.

    What the task knows is given: `links`, `statuses` (or a function that returns them), `open_steps`, `drifts`,
    `differences`, `verified_at`, `will_verify`, `fence`.
    """

    @property
    def links(self) -> Sequence[Link]:
        """All that is followed."""
        return self._told("links", ())

    @property
    def fence(self) -> str:
        """How the source will be closed."""
        return self._told("fence", "none")

    @property
    def open_steps(self) -> Sequence[str]:
        """What is not done."""
        return self._told("open_steps", ())

    @property
    def drifts(self) -> Sequence[Finding]:
        """What changed and is not repaired."""
        return self._told("drifts", ())

    @property
    def differences(self) -> int | None:
        """Of the last verification."""
        return self._told("differences", None)

    @property
    def verified_at(self) -> datetime | None:
        """When that ended."""
        return self._told("verified_at", None)

    @property
    def will_verify(self) -> bool:
        """Whether both ends will be compared."""
        return self._told("will_verify", True)

    def statuses(self) -> Sequence[LinkStatus]:
        """Return how the links stand."""
        given: Sequence[LinkStatus] | Callable[[], Sequence[LinkStatus]] = self._told("statuses", ())
        return given() if callable(given) else given

    def _told(self, what: str, otherwise: _T) -> _T:
        known: Mapping[str, _T] = self._known
        return known.get(what, otherwise)


class FakeThrottleContext:
    """What a throttle is handed (`dtsrun.api.ThrottleContext`), over the route to a real server.

    Args:
        route: of the throttle's side.
        throttle: whose options they are.
        options: as a spec says them: `{"limit": "64MB"}`.
    """

    def __init__(
        self, route: Route, throttle: type[Throttle], options: Mapping[str, Any] | None = None, *, task: str = "test"
    ) -> None:
        from dtsrun.spec.defaults import with_defaults
        from dtsrun.spec.formats import with_numbers

        self.task = task
        self.options: Mapping[str, Any] = with_numbers(throttle.options, with_defaults(throttle.options, options or {}))
        self._route = route
        self._connection: Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @property
    def facts(self) -> ServerFacts:
        """What the server says of itself."""
        from dtsrun.inventory.facts import read_server_facts

        return read_server_facts(self.connection)

    @property
    def connection(self) -> Connection:
        """A session as the engine opens it for a throttle."""
        from dtsrun.engine.sampling import SESSION_SETTINGS

        if self._connection is None:
            self._connection = connect(self._route, settings=SESSION_SETTINGS, purpose="throttle")
        return self._connection


def make_spec(
    databases: Mapping[str, str], *, migration_type: MigrationType = MigrationType.FULL, **changes: Any
) -> Spec:
    """Return a spec that moves databases, given with their names on the target; `changes` are fields of `Spec`."""
    chosen = {name: DatabaseSelection(name=name, target=target) for name, target in databases.items()}
    spec = Spec(
        path=Path("test.yaml"),
        task=TaskSettings(name="test"),
        source=make_endpoint("source"),
        target=make_endpoint("target"),
        migration_type=migration_type,
        selection=Selection(entire_instance=not chosen, databases=chosen),
    )
    return replace(spec, **changes)


def make_endpoint(side: Side = "source", access_type: str = "service", **changes: Any) -> Endpoint:
    """Return an endpoint; `changes` are fields of `Endpoint`, e.g. `access={"host": "db.example.com"}`."""
    endpoint = Endpoint(side=side, access_type=access_type, access={}, account=None, password=None, region=None)
    return replace(endpoint, **changes)


class FakeEngineContext:
    """What an engine is handed (`dtsrun.api.EngineContext`), over the routes to real servers.

    A database of the source has the same name on the target unless `databases` says otherwise.
    """

    def __init__(
        self,
        *,
        source: Route,
        target: Route,
        databases: Mapping[str, str] | None = None,
        options: Mapping[str, Any] | None = None,
        task: str = "test",
    ) -> None:
        self.task = task
        self.options = options or {}
        self.spec = make_spec(databases or {}, migration_type=MigrationType.FULL_INCREMENTAL)
        self.creations: list[tuple[Side, str, str, str | None]] = []
        """What the engine said before making it."""
        self._routes: dict[Side, Route] = {"source": source, "target": target}
        self._connections: dict[tuple[Side, str | None], Connection] = {}
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def facts(self, side: Side) -> ServerFacts:
        """Return what a server says of itself."""
        from dtsrun.inventory.facts import read_server_facts

        return read_server_facts(self._connect(side, None))

    def route(self, side: Side) -> Route:
        """Return the route of a side."""
        return self._routes[side]

    def source(self, database: str) -> Connection:
        """Return an autocommit connection to a database of the source."""
        return self._connect("source", database)

    def target(self, database: str) -> Connection:
        """Return an autocommit connection to the target's counterpart."""
        return self._connect("target", self.spec.selection.target_name(database))

    def patience(self, seconds: float) -> float:
        """No completion is under way."""
        return seconds

    def created(self, side: Side, what: str, name: str, database: str | None = None, undo: str | None = None) -> None:
        """Note what is about to be made."""
        self.creations.append((side, what, name, database))

    def _connect(self, side: Side, database: str | None) -> Connection:
        known = self._connections.get((side, database))
        if known is None or known.closed:
            known = self._open.enter_context(connect(self._routes[side], database, purpose="engine"))
            self._connections[side, database] = known
        return known
