"""Tables that came or changed while changes were followed: they are copied, and followed from exactly there.

Their definitions are on the target by then (`dtsrun.engine.watching`). The plan is made again from what both ends hold
now, and what it says of these tables goes into the task's own plan: a step that copies each of them in a new epoch, the
following that waits for it, and what completion and verification have to do. All else is what a run does that
continues, so that a runner that is killed on the way continues as always.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from dtsrun.api import LinkTable, Step
from dtsrun.engine.again import Lost, copying_anew, tables_of, waited_for, without_copies
from dtsrun.engine.ends import Ends
from dtsrun.engine.following import Following
from dtsrun.engine.prepare import Preparation, first_epochs, read_marks
from dtsrun.engine.view import STAGE
from dtsrun.engine.watching import Told
from dtsrun.errors import MigrationError
from dtsrun.incremental.identities import Decision
from dtsrun.journal import Journal
from dtsrun.plan import Plan

LATE_STAGES = frozenset({"complete", "verify"})

NAMING_STAGES = frozenset({"incremental", *LATE_STAGES})
"""Stages whose steps name tables, and are still to come while changes are followed."""


class PlanChanged(Exception):
    """Tables are to be copied, or no longer to be followed: the plan says which by now."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Now:
    """What would be planned if the task began now."""

    plan: Plan
    decisions: Callable[[str], Sequence[Decision]]


def plan_copies(ends: Ends, following: Following, journal: Journal, told: Sequence[Told]) -> None:
    """Put copies of drifted tables into the plan, and remember it.

    Raises:
        MigrationError: a table's rows cannot be copied or followed; nothing was changed.
    """
    plan = _known(ends, journal)
    preparation = Preparation(ends, is_begun=True)
    now = Now(plan=preparation.plan(), decisions=preparation.decisions)
    tables = _tables(told)
    names = {key: step.database for key, step in plan.steps.items()}
    databases = sorted({name for name in names.values() if name is not None})
    epochs = first_epochs(read_marks(ends, databases, preparation.target_databases()), names)
    planned = with_copies(plan, now, tables, epochs, keeps_rest=ends.spec.on_conflict == "skip")
    for database, oids in tables.items():
        for decision in now.decisions(database):
            if decision.table.oid in oids:
                following.identify(database, decision)
    _save(ends, journal, planned)


def plan_anew(ends: Ends, journal: Journal) -> bool:
    """Plan completion and verification for what definitions are now: a table has another name, or is gone.

    Return whether the plan has changed.
    """
    plan = _known(ends, journal)
    preparation = Preparation(ends, is_begun=True)
    now = Now(plan=preparation.plan(), decisions=preparation.decisions)
    planned = with_copies(plan, now, {}, {}, keeps_rest=ends.spec.on_conflict == "skip")
    if _without_sizes(planned) == _without_sizes(plan):
        return False
    _save(ends, journal, planned)
    return True


def _without_sizes(plan: Plan) -> Mapping[str, Step]:
    """Return steps but for their sizes: tables that are written to have others all the time."""
    return {key: replace(step, size=0) for key, step in plan.steps.items()}


def _known(ends: Ends, journal: Journal) -> Plan:
    data = journal.plan(ends.spec.task.name)
    assert data is not None  # it is syncing
    return Plan.from_data(data)


def _save(ends: Ends, journal: Journal, plan: Plan) -> None:
    journal.save_plan(ends.spec.task.name, [plan.steps[key] for key in plan.order], plan.as_data())


def with_copies(plan: Plan, now: Now, tables: Lost, epochs: Mapping[str, int], *, keeps_rest: bool) -> Plan:
    """Return the plan, with copies of some tables in a new epoch.

    Args:
        tables: which are to be copied, whether the plan knows them or not.
        epochs: number of each database's next epoch.
        keeps_rest: whether completion and verification stay as they were planned but for these tables: where the target
            keeps objects of its own, what is planned now would take them for the task's.

    Raises:
        MigrationError: the rows of one are not moved.
    """
    copying = [_copying(now.plan, database, oid, epochs.get(database, 1)) for database, oid in _pairs(tables)]
    followed = {database: _followed(now, database, oids) for database, oids in tables.items()}
    rest = without_copies(plan, tables)
    early = [s for s in waited_for(rest, copying) if s.stage not in LATE_STAGES]
    steps = {step.key: step for step in _following(early, followed)}
    for database in followed.keys() - {s.database for s in steps.values() if s.plugin == STAGE}:
        steps |= _begun(now.plan, database, followed[database], copying)
    late = _late(plan, now.plan, tables) if keeps_rest else _late_of(now.plan)
    names = _names(now.plan)
    steps = {key: _renamed(step, names) for key, step in steps.items()}
    # A database that came meanwhile takes a task of its own.
    moved = {None, *(step.database for step in plan.steps.values())}
    late = [_renamed(step, names) for step in late if step.database in moved]
    known = steps.keys() | {step.key for step in late}
    steps |= {step.key: replace(step, after=tuple(key for key in step.after if key in known)) for step in late}
    return plan.with_steps(steps.values())


def _names(plan: Plan) -> Mapping[tuple[str, int], tuple[str, str]]:
    """Return schema and name of each table whose rows are moved, by database and OID."""
    return {
        (step.database or "", oid): (args["schema"], args["name"])
        for step in plan.steps.values()
        for oid, args in tables_of(step)
    }


def _renamed(step: Step, names: Mapping[tuple[str, int], tuple[str, str]]) -> Step:
    """Return a step that calls its tables what they are called now; its key, by which it is known, stays."""
    pairs: list[tuple[int, Mapping[str, Any]]] = []
    if step.stage == "full":
        pairs = list(tables_of(step))
    elif step.stage in NAMING_STAGES:
        said = step.args.get("tables", [step.args])
        pairs = [(args.get("oid", 0), args) for args in said if isinstance(args, Mapping)]
    called = [_called(args, names.get((step.database or "", oid))) for oid, args in pairs]
    if called == [args for _, args in pairs]:
        return step
    return replace(step, args={**step.args, "tables": called} if "tables" in step.args else called[0])


def _called(args: Mapping[str, Any], name: tuple[str, str] | None) -> Mapping[str, Any]:
    return args if name is None or "name" not in args else {**args, "schema": name[0], "name": name[1]}


def _tables(told: Sequence[Told]) -> Lost:
    found: dict[str, frozenset[int]] = {}
    for each in told:
        drift = each.drift
        assert drift.repair is not None and drift.database is not None  # what needs a copy has both
        found[drift.database] = found.get(drift.database, frozenset()) | {drift.repair.oid}
    return found


def _pairs(tables: Lost) -> Iterator[tuple[str, int]]:
    return ((database, oid) for database in sorted(tables) for oid in sorted(tables[database]))


def _copying(plan: Plan, database: str, oid: int, epoch: int) -> Step:
    for step in plan.steps.values():
        if step.database == database:
            for own, args in tables_of(step):
                if own == oid:
                    return copying_anew(database, oid, args, epoch, action="copy_repaired")
    raise MigrationError(
        f"the rows of table {oid} of {database} are not moved: the spec leaves it or its rows out, or it is gone",
        hint="nothing was changed; repair the others by their numbers",
    )


def _followed(now: Now, database: str, oids: frozenset[int]) -> Mapping[int, LinkTable]:
    # One new slot for all: their epoch's group.
    return {d.table.oid: replace(d.table, group=0) for d in now.decisions(database) if d.table.oid in oids}


def _following(steps: Sequence[Step], followed: Mapping[str, Mapping[int, LinkTable]]) -> Iterator[Step]:
    for step in steps:
        new = followed.get(step.database or "", {}) if step.plugin == STAGE else {}
        if new:
            kept = [table for table in step.args["tables"] if table["oid"] not in new]
            step = replace(step, args={**step.args, "tables": [*kept, *map(asdict, new.values())]})
        yield step


def _begun(plan: Plan, database: str, followed: Mapping[int, LinkTable], copying: Sequence[Step]) -> Mapping[str, Step]:
    """Return the step that follows the first tables of a database that had none."""
    keys = tuple(step.key for step in copying if step.database == database)
    return {
        step.key: replace(step, after=keys, args={**step.args, "tables": [asdict(t) for t in followed.values()]})
        for step in plan.steps.values()
        if step.plugin == STAGE and step.database == database
    }


def _late_of(plan: Plan) -> list[Step]:
    return [step for step in plan.steps.values() if step.stage in LATE_STAGES]


def _late(plan: Plan, now: Plan, tables: Lost) -> list[Step]:
    """Return what is left for the end, where only some tables are planned anew."""
    names = {(s.database, s.args.get("oid")) for s in _late_of(now)} & set(_pairs(tables))
    new = {s.key: s for s in _late_of(now) if (s.database, s.args.get("oid")) in names}
    return [*(step for step in _late_of(plan) if step.key not in new), *new.values()]
