"""Spec + inventory + registry -> Plan: the graph of all steps, printable before anything runs. No side effects."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dtsrun.api import (
    Inventory,
    Lane,
    LinkTable,
    MigrationType,
    ObjectKind,
    Plugin,
    Resources,
    ServerFacts,
    Spec,
    Stage,
    Step,
)
from dtsrun.errors import MigrationError
from dtsrun.graph import CycleError, topological_order
from dtsrun.packed import packed, unpacked_args

LEAST_SHARED: Final = 16
"""How many others a step waits for where it is worth while to write them down once for all that wait for the same."""

AFTER_LIKE: Final = "after_like"
"""In a plan as data: key of the step that waits for the same ones."""

FOLLOWING_STAGE: Final = "incremental"
"""The stage whose steps wait for all earlier work of their database: an index that is missing while changes are
applied would make each of them read the whole table."""

DATA_STAGES: Final = ("full", "indexes")
"""Stages whose steps wait for the whole structure of their database: a partition that is attached after its parent
got a primary key would get another one, and rows that come before a definition would be scanned for it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """All steps of a task, with every edge resolved to a key."""

    steps: Mapping[str, Step]
    order: tuple[str, ...]
    """Keys in an order that keeps every edge."""
    resources: Resources | None = None
    """What it was made for; None where it was read back."""
    resources_said: str = ""
    """What was chosen of them, and why."""

    @property
    def digest(self) -> str:
        """SHA-256 over all steps."""
        found = hashlib.sha256()
        for item in _as_data(self.steps.values()):
            found.update(json.dumps(item, sort_keys=True, default=str).encode())
        return found.hexdigest()

    def only(self, *stages: str) -> Plan:
        """Return the steps of some stages alone, as if all else that they wait for were done."""
        return self._part(stages)

    def without(self, *stages: str) -> Plan:
        """Return the steps of all stages but some, as if those of the others were done."""
        return self._part({step.stage for step in self.steps.values()} - set(stages))

    def with_steps(self, steps: Iterable[Step]) -> Plan:
        """Return a plan of other steps, made for the same resources."""
        return replace(_resolved(steps), resources=self.resources, resources_said=self.resources_said)

    def _part(self, stages: Iterable[str]) -> Plan:
        wanted = frozenset(stages)
        chosen = {k: s for k, s in self.steps.items() if s.stage in wanted}
        part = (replace(s, after=tuple(k for k in s.after if k in chosen), needs=()) for s in chosen.values())
        return replace(_resolved(part), resources=self.resources, resources_said=self.resources_said)

    def as_data(self) -> list[dict[str, Any]]:
        """Return the steps in order as JSON values.

        Where many steps wait for the same many, these are written down once: the others name the step that has them.
        """
        return list(self.records())

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield what `as_data` returns, one step after the other."""
        return _as_data(self.steps[key] for key in self.order)

    @staticmethod
    def from_data(data: Iterable[Mapping[str, Any]]) -> Plan:
        """Return the plan that `as_data` made the data of."""
        return _resolved(_from_data(data))


@dataclass(frozen=True, slots=True)
class Planning:
    """What stages and object kinds see while they plan (see `dtsrun.api.PlanContext`)."""

    spec: Spec
    inventory: Inventory
    target: ServerFacts
    kinds: Sequence[ObjectKind]
    resources: Resources
    plugins: Mapping[str, Plugin]
    existing_labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    followed_tables: Callable[[str], Sequence[LinkTable]] = lambda database: ()
    resources_said: str = ""

    def kind(self, name: str) -> ObjectKind:
        """Return an object kind by its plugin name."""
        return next(kind for kind in self.kinds if kind.name == name)

    def options(self, plugin: str) -> Mapping[str, Any]:
        """Return a plugin's options from the spec over its defaults."""
        family, _, short = plugin.partition(".")
        given = self.spec.kinds if family == "object" else self.spec.stages
        return with_defaults(self.plugins[plugin], given.get(short, {}))

    def followed(self, database: str) -> Sequence[LinkTable]:
        """Return the tables of a database whose changes are followed."""
        return self.followed_tables(database)

    def existing(self, database: str) -> frozenset[str]:
        """Return the labels of selected entries that the target holds already."""
        return self.existing_labels.get(database, frozenset())


def make_plan(planning: Planning, stages: Sequence[Stage]) -> Plan:
    """Ask every stage for its steps, and resolve what they need.

    Raises:
        MigrationError: a step waits for one that is not there, or steps wait for each other.
    """
    steps: list[Step] = []
    for stage in stages:
        if planning.spec.migration_type in stage.types:
            steps.extend(map(packed, stage.plan(planning)))
    plan = _with_structure_edges(_resolved(_with_late_edges(steps, planning.spec.migration_type)))
    return replace(plan, resources=planning.resources, resources_said=planning.resources_said)


def _with_late_edges(steps: Sequence[Step], migration_type: MigrationType) -> list[Step]:
    """Let steps that do not say what they need wait for the stages before theirs.

    What completes a task that follows changes aligns what the changes do not carry, so that verification comes after
    it; in other tasks it is what is left for the very end.
    """
    order = ("complete", "verify") if migration_type is MigrationType.FULL_INCREMENTAL else ("verify", "complete")
    waves = {FOLLOWING_STAGE: 1, order[0]: 2, order[1]: 3}
    by_wave: list[list[Step]] = [[], [], [], []]
    for step in steps:
        by_wave[waves.get(step.stage, 0)].append(step)
    before: list[Step] = []
    found: list[Step] = []
    for wave, members in enumerate(by_wave):
        found.extend(_late(members, before) if wave else members)
        before.extend(members)
    return found


def _late(steps: Sequence[Step], before: Sequence[Step]) -> Iterator[Step]:
    """Let steps wait for all before them of their own database and of the whole server; completion waits for all.

    Ten thousand steps that wait for the same thousand share one tuple.
    """
    known: dict[str | None, tuple[str, ...]] = {}
    for step in steps:
        if step.after or step.needs:
            yield step
            continue
        database = None if step.stage == "complete" else step.database
        if database not in known:
            seen = (s.key for s in before if database is None or s.database in (None, database))
            known[database] = tuple(seen)
        yield replace(step, after=known[database])


def _with_structure_edges(plan: Plan) -> Plan:
    """Let the steps of the data stages wait for the last steps of their database's structure."""
    structure = [step for step in plan.steps.values() if step.stage == "structure" and step.database is not None]
    waited_for = {key for step in structure for key in step.after}
    last: dict[str | None, list[str]] = {}
    for step in structure:
        if step.key not in waited_for:
            last.setdefault(step.database, []).append(step.key)
    steps = (
        replace(s, after=tuple(dict.fromkeys((*s.after, *last.get(s.database, ())))))
        if s.stage in DATA_STAGES and s.database is not None
        else s
        for s in plan.steps.values()
    )
    return _resolved(steps)


def _resolved(steps: Iterable[Step]) -> Plan:
    by_key: dict[str, Step] = {}
    for step in steps:
        if step.key in by_key:
            raise MigrationError(f"two steps have the key {step.key!r}", hint="a plugin plans the same work twice")
        by_key[step.key] = step
    providers = _providers(by_key.values())
    known: set[int] = set()
    resolved = {key: _resolve(step, by_key, providers, known) for key, step in by_key.items()}
    try:
        order = topological_order({key: step.after for key, step in resolved.items()})
    except CycleError as error:
        raise MigrationError(f"steps wait for each other: {error}", hint="a plugin plans in a circle") from error
    return Plan(resolved, order)


def _providers(steps: Collection[Step]) -> Mapping[str, Sequence[str]]:
    """Return the keys of the steps that provide what others need."""
    providers: dict[str, list[str] | tuple[str, ...]] = {name: () for step in steps for name in step.needs}
    for step in steps if providers else ():
        # Most names have one provider, and hundreds of them the same: they share a tuple.
        alone = (step.key,)
        for name in step.provides:
            if name not in providers:
                continue
            known = providers[name]
            if isinstance(known, list):
                known.append(step.key)
            else:
                providers[name] = [*known, step.key] if known else alone
    return providers


def _resolve(step: Step, by_key: Mapping[str, Step], providers: Mapping[str, Sequence[str]], known: set[int]) -> Step:
    """Return a step with its needs as keys.

    Args:
        known: the shared tuples of keys that were looked into, by id; added to.
    """
    if id(step.after) not in known:
        unknown = [key for key in step.after if key not in by_key]
        if unknown:
            raise MigrationError(f"step {step.key!r} waits for {unknown[0]!r}, which is not in the plan")
        known.add(id(step.after))
    if not step.needs:
        return step
    after = dict.fromkeys(step.after)
    for name in step.needs:
        after.update(dict.fromkeys(key for key in providers.get(name, ()) if key != step.key))
    return replace(step, after=tuple(after), needs=())


def _as_data(steps: Iterable[Step]) -> Iterator[dict[str, Any]]:
    first: dict[int, str] = {}
    for step in steps:
        if len(step.after) < LEAST_SHARED:
            yield _fields(step)
            continue
        has_them = first.setdefault(id(step.after), step.key)
        own = {} if has_them == step.key else {"after": (), AFTER_LIKE: has_them}
        yield {**_fields(step), **own}


def _fields(step: Step) -> dict[str, Any]:
    """Return a step's fields. `asdict` would copy its arguments through and through, which takes as long as to write
    them down."""
    fields = {name: getattr(step, name) for name in Step.__dataclass_fields__}
    names = {name: tuple(getattr(step, name)) for name in ("provides", "needs", "locks")}
    return {**fields, **names, "args": unpacked_args(step.args)}


def _from_data(data: Iterable[Mapping[str, Any]]) -> Iterator[Step]:
    shared: dict[str, tuple[str, ...]] = {}
    for item in data:
        values = {name: value for name, value in item.items() if name != AFTER_LIKE}
        tuples = {name: tuple(item[name]) for name in ("after", "provides", "needs", "locks")}
        if AFTER_LIKE in item:
            tuples["after"] = shared[item[AFTER_LIKE]]
        elif len(tuples["after"]) >= LEAST_SHARED:
            shared[item["key"]] = tuples["after"]
        yield packed(Step(**{**values, **tuples, "lane": Lane(item["lane"])}))


def with_defaults(plugin: Plugin, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a plugin's options: what was given over the defaults of its schema."""
    properties = plugin.options.get("properties", {})
    return {**{k: v["default"] for k, v in properties.items() if "default" in v}, **given}
