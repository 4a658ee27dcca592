"""Tables that have to be copied anew, since the changes since their copy are lost: their part of the plan, once more.

The slot of an epoch can be lost: dropped by somebody, or invalidated when it held back more WAL than the source allows.
What was copied in that epoch then lacks the changes since. Only those tables are copied anew, in a new epoch. So are
tables that drifted, when that is asked for (`dtsrun.engine.repairing`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dtsrun import marks
from dtsrun.api import Lane, Step, own_rows_name
from dtsrun.copied_table import Table
from dtsrun.plan import Plan

Lost = Mapping[str, frozenset[int]]
"""OIDs of tables by database."""


@dataclass(frozen=True, slots=True)
class Copied:
    """Which step copied which tables' rows, by the plan."""

    tables_of: Mapping[str, Sequence[int]]
    """OIDs by the step's key."""

    @staticmethod
    def of(plan: Plan) -> Copied:
        """Read it out of what the steps provide."""
        return Copied({key: own for key, step in plan.steps.items() if (own := _own_tables(step))})

    def epochs(self, found: Mapping[str, marks.Mark]) -> Mapping[int, int]:
        """Return the epoch of each table whose rows are in, by its OID."""
        epochs: dict[int, int] = {}
        for key, tables in self.tables_of.items():
            mark = found.get(key)
            if mark is not None and mark.done:
                epochs.update(dict.fromkeys(tables, mark.epoch))
        return epochs


def copied_anew(plan: Plan, lost: Lost, epochs: Mapping[str, int]) -> Plan:
    """Return the plan with steps that copy tables anew, instead of those that copied them.

    Args:
        epochs: number of each database's next epoch; it makes the new steps' keys their own.
    """
    rest = without_copies(plan, lost)
    return rest.with_steps(waited_for(rest, list(_new_steps(plan, lost, epochs))))


def without_copies(plan: Plan, tables: Lost) -> Plan:
    """Return the plan as if nothing had copied some tables yet: no link follows them then."""
    return plan.with_steps(_without(step, tables) for step in plan.steps.values())


def waited_for(plan: Plan, copying: Sequence[Step]) -> list[Step]:
    """Return the steps of a plan and others that copy, which the following of their databases waits for."""
    keys: dict[str | None, tuple[str, ...]] = {}
    for step in copying:
        keys[step.database] = (*keys.get(step.database, ()), step.key)
    waiting = (
        replace(s, after=(*s.after, *keys.get(s.database, ()))) if s.stage == "incremental" else s
        for s in plan.steps.values()
    )
    return [*copying, *waiting]


def copying_anew(database: str, oid: int, args: Mapping[str, Any], epoch: int, action: str = "copy_anew") -> Step:
    """Return the step that copies a table anew.

    Args:
        args: what a step says of the table.
        epoch: makes the step's key its own.
    """
    whole = {name: value for name, value in args.items() if name in Table.__dataclass_fields__ and name != "pages"}
    table = Table(**whole)
    return Step(
        key=f"{database}/full/{table.schema}.{table.name} anew in epoch {epoch}",
        stage="full",
        plugin="object.tables",
        action=action,
        database=database,
        args={**whole, "fresh": False, "freeze": False},
        provides=(own_rows_name(database, oid),),
        lane=Lane.COPY,
        title=f"copy {table.schema}.{table.name} anew",
    )


def tables_of(step: Step) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the tables that a step copies: OID, and what it says of the table."""
    if step.stage == "full":
        yield from zip(_own_tables(step), step.args.get("tables", [step.args]), strict=False)


def _new_steps(plan: Plan, lost: Lost, epochs: Mapping[str, int]) -> Iterator[Step]:
    seen: set[tuple[str, int]] = set()
    for step in plan.steps.values():
        for oid, args in tables_of(step):
            database = step.database or ""
            if oid in lost.get(database, ()) and (database, oid) not in seen:
                seen.add((database, oid))
                yield copying_anew(database, oid, args, epochs[database])


def _own_tables(step: Step) -> list[int]:
    return [int(name.rpartition("/")[2]) for name in step.provides if "/own-rows/" in name]


def _without(step: Step, tables: Lost) -> Step:
    taken = tables.get(step.database or "", frozenset())
    own = _own_tables(step)
    if taken.isdisjoint(own):
        return step
    gone = {own_rows_name(step.database or "", oid) for oid in taken}
    provides = tuple(name for name in step.provides if name not in gone)
    if "tables" not in step.args:
        return replace(step, provides=provides)
    # What is said of each table stands in the order of what is provided.
    kept = [args for oid, args in zip(own, step.args["tables"], strict=False) if oid not in taken]
    return replace(step, provides=provides, args={**step.args, "tables": kept})
