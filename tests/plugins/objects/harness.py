"""Plans and runs the structure of databases from one real server to another, in one thread and without journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from dtsrun.api import (
    Connection,
    DatabaseSelection,
    Deviation,
    Difference,
    Endpoint,
    Entry,
    Failure,
    MigrationType,
    Route,
    Selection,
    ServerFacts,
    Side,
    Spec,
    Step,
    StepResult,
    TaskSettings,
)
from dtsrun.inventory import dump_entries, read_inventory, read_server_facts
from dtsrun.plan import Plan, Planning, make_plan
from dtsrun.postgres.session import connect
from dtsrun_plugins.objects import PLUGINS
from dtsrun_plugins.stages.indexes import Indexes
from dtsrun_plugins.stages.structure import Structure

KINDS = tuple(kind() for kind in PLUGINS)
STAGES = (Structure(), Indexes())
PLUGINS_BY_NAME = {plugin.name: plugin for plugin in (*KINDS, *STAGES)}


@dataclass
class Outcome:
    """What came of a run."""

    plan: Plan
    results: dict[str, StepResult] = field(default_factory=dict)
    created: list[tuple[str, str]] = field(default_factory=list)

    @property
    def failures(self) -> list[Failure]:
        return [failure for result in self.results.values() for failure in result.failures]

    @property
    def deviations(self) -> list[Deviation]:
        return [deviation for result in self.results.values() for deviation in result.deviations]

    @property
    def differences(self) -> list[Difference]:
        return [difference for result in self.results.values() for difference in result.differences]


class Context:
    """A step's context over real servers (see `dtsrun.api.StepContext`)."""

    epoch = 1

    def __init__(self, bench: Bench, step: Step, earlier: Mapping[str, Any]) -> None:
        self.bench, self.step, self.earlier = bench, step, earlier
        self.spec = bench.spec

    @property
    def options(self) -> Mapping[str, Any]:
        return self.bench.planning().options(self.step.plugin)

    def source(self, database: str | None = None) -> Connection:
        return self.bench.connection("source", database or self.step.database)

    def target(self, database: str | None = None) -> Connection:
        return self.bench.connection("target", database or self.step.database)

    def facts(self, side: Side) -> ServerFacts:
        return self.bench.facts[side]

    def route(self, side: Side) -> Route:
        return self.bench.routes[side]

    def dump(self, side: Side, database: str) -> Sequence[Entry]:
        return self.bench.entries(side, database)

    def progress(self, *, rows: int = 0, bytes: int = 0) -> None:
        """Nobody watches."""

    def created(self, what: str, name: str) -> None:
        self.bench.outcome.created.append((what, name))


class Bench:
    """Two servers and a spec."""

    def __init__(self, source: Route, target: Route, spec: Spec, existing: Mapping[str, frozenset[str]]) -> None:
        self.routes: dict[Side, Route] = {"source": source, "target": target}
        self.spec, self.existing = spec, existing
        self._connections: dict[tuple[Side, str | None], Connection] = {}
        self.facts: dict[Side, ServerFacts] = {
            side: read_server_facts(self.connection(side, None)) for side in ("source", "target")
        }
        self.inventory = read_inventory(spec, source, KINDS)
        self.outcome = Outcome(self.plan())

    def planning(self) -> Planning:
        return Planning(
            spec=self.spec,
            inventory=self.inventory,
            target=self.facts["target"],
            kinds=KINDS,
            resources=replace(self.spec.resources, copy=1, index=1),
            plugins=PLUGINS_BY_NAME,
            existing_labels=self.existing,
        )

    def plan(self) -> Plan:
        return make_plan(self.planning(), STAGES)

    def connection(self, side: Side, database: str | None) -> Connection:
        key = (side, database)
        if key not in self._connections:
            name = self.spec.selection.target_name(database) if side == "target" and database else database
            self._connections[key] = connect(self.routes[side], name)
        return self._connections[key]

    def entries(self, side: Side, database: str) -> Sequence[Entry]:
        name = self.spec.selection.target_name(database) if side == "target" else database
        return dump_entries(self.routes[side], name, KINDS)

    def run(self) -> Outcome:
        """Run all steps of the plan in order."""
        for key in self.outcome.plan.order:
            self.run_step(self.outcome.plan.steps[key])
        return self.outcome

    def run_step(self, step: Step) -> StepResult:
        """Run one step, again after its failures where there were some."""
        earlier = self.outcome.results.get(step.key, StepResult()).detail
        context = Context(self, step, earlier)
        action = getattr(PLUGINS_BY_NAME[step.plugin], f"do_{step.action}")
        if step.transactional:
            with context.target().transaction():
                self.outcome.results[step.key] = action(context)
        else:
            self.outcome.results[step.key] = action(context)
        return self.outcome.results[step.key]

    def compare(self, kind: str) -> list[Difference]:
        """Run the steps that a kind adds to verification."""
        found: list[Difference] = []
        for step in PLUGINS_BY_NAME[kind].steps("verify", self.planning()):  # type: ignore[union-attr]
            found.extend(self.run_step(step).differences)
        return found

    def close(self) -> None:
        for connection in self._connections.values():
            connection.close()


def make_spec(databases: Mapping[str, str], **changes: Any) -> Spec:
    """Return a spec that moves the structure of databases, by their names on the source and the target."""
    endpoint = Endpoint(side="source", access_type="test", access={}, account=None, password=None, region=None)
    chosen = {name: DatabaseSelection(name=name, target=target) for name, target in databases.items()}
    roles = changes.pop("roles", ())
    spec = Spec(
        path=Path("spec.yaml"),
        task=TaskSettings(name="test"),
        source=endpoint,
        target=replace(endpoint, side="target"),
        migration_type=MigrationType.STRUCTURAL,
        selection=Selection(entire_instance=False, databases=chosen, roles=tuple(roles)),
    )
    return replace(spec, **changes)


@contextmanager
def open_bench(
    source: Route,
    target: Route,
    databases: Mapping[str, str],
    *,
    existing: Mapping[str, frozenset[str]] | None = None,
    **changes: Any,
) -> Iterator[Bench]:
    """Open both servers, read the inventory and make the plan."""
    bench = Bench(source, target, make_spec(databases, **changes), existing or {})
    try:
        yield bench
    finally:
        bench.close()


def definitions(entries: Sequence[Entry]) -> dict[str, tuple[str, str | None, str | None, str | None]]:
    """Return what must be equal on both ends, by label."""
    return {
        entry.label: (entry.sql, entry.owner, entry.access_method, entry.tablespace)
        for entry in entries
        if entry.type not in ("DATABASE", "DATABASE PROPERTIES") and not entry.name.startswith("DATABASE ")
    }
