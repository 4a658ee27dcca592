"""Tables that have to be copied anew, since the changes since their copy are lost: their part of the plan, once more.

The slot of an epoch can be lost: dropped by somebody, or invalidated when it held back more WAL than the source allows.
What was copied in that epoch then lacks the changes since. Only those tables are copied anew, in a new epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from dtsrun.api import Lane, Step, own_rows_name
from dtsrun.copied_table import Table
from dtsrun.plan import Plan

Lost = Mapping[str, frozenset[int]]
"""OIDs of tables by database."""


def copied_anew(plan: Plan, lost: Lost, epochs: Mapping[str, int]) -> Plan:
    """Return the plan with steps that copy tables anew, instead of those that copied them.

    Args:
        epochs: number of each database's next epoch; it makes the new steps' keys their own.
    """
    new = {step.key: step for step in _new_steps(plan, lost, epochs)}
    kept = [_without(step, lost) for step in plan.steps.values()]
    after = {database: tuple(k for k, s in new.items() if s.database == database) for database in lost}
    waiting = [
        replace(s, after=(*s.after, *after.get(s.database or "", ()))) if s.stage == "incremental" else s for s in kept
    ]
    return plan.with_steps([*new.values(), *waiting])


def _new_steps(plan: Plan, lost: Lost, epochs: Mapping[str, int]) -> Iterator[Step]:
    seen: set[tuple[str, int]] = set()
    for step in plan.steps.values():
        for oid, args in _tables_of(step):
            database = step.database or ""
            if oid in lost.get(database, ()) and (database, oid) not in seen:
                seen.add((database, oid))
                yield _copying(database, oid, args, epochs[database])


def _tables_of(step: Step) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the tables that a step copies: OID, and what it says of the table."""
    if step.stage != "full":
        return
    oids = [int(name.rpartition("/")[2]) for name in step.provides if "/own-rows/" in name]
    tables = step.args.get("tables", [step.args])
    yield from zip(oids, tables, strict=False)


def _copying(database: str, oid: int, args: Mapping[str, Any], epoch: int) -> Step:
    whole = {name: value for name, value in args.items() if name in Table.__dataclass_fields__ and name != "pages"}
    table = Table(**whole)
    return Step(
        key=f"{database}/full/{table.schema}.{table.name} anew in epoch {epoch}",
        stage="full",
        plugin="object.tables",
        action="copy_anew",
        database=database,
        args={**whole, "fresh": False, "freeze": False},
        provides=(own_rows_name(database, oid),),
        lane=Lane.COPY,
        title=f"copy {table.schema}.{table.name} anew",
    )


def _without(step: Step, lost: Lost) -> Step:
    gone = {own_rows_name(step.database or "", oid) for oid in lost.get(step.database or "", ())}
    return replace(step, provides=tuple(name for name in step.provides if name not in gone))
