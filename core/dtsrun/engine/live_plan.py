"""The plan of a verification while changes are followed: of every table with a link, the rows, live."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dtsrun.api import Deviation, Identity, Step
from dtsrun.compare_steps import single_steps
from dtsrun.engine.again import Copied
from dtsrun.engine.ends import Ends
from dtsrun.engine.following import tables_of_step
from dtsrun.engine.prepare import read_marks
from dtsrun.engine.view import STAGE
from dtsrun.incremental.names import link_name
from dtsrun.late_keys import late_labels
from dtsrun.plan import Plan

LIVE: Final = "compare_rows_live"

ALIGNED: Final[Mapping[str, str]] = {
    "object.tables": "tables whose changes are not followed",
    "object.materialized_views": "materialized views",
    "object.sequences": "sequences",
    "object.large_objects": "large objects",
}
"""Kinds whose steps compare what changes do not carry, and what they compare, for people."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LivePlan:
    """What is compared while changes flow."""

    plan: Plan
    left_out: frozenset[str]
    """What is not, since it is aligned at completion; for people."""


def slots_of_tables(ends: Ends, plan: Plan) -> Mapping[tuple[str, int], str]:
    """Return the slot that carries the changes of each table, by source database and OID.

    Tables of which only inserts are followed are not among them: they are copied again at completion.

    Args:
        plan: of the task that follows them.
    """
    copied = Copied.of(plan)
    steps = [step for step in plan.steps.values() if step.plugin == STAGE and step.database is not None]
    with ends.connect("target", None, "look") as connection:
        rows = connection.execute("select datname from pg_catalog.pg_database where datallowconn").fetchall()
    exist = frozenset(row.datname for row in rows)
    found: dict[tuple[str, int], str] = {}
    for step in steps:
        database = step.database or ""
        epochs = copied.epochs(read_marks(ends, [database], exist))
        for table in tables_of_step(step):
            if table.oid in epochs and table.identity is not Identity.INSERT_ONLY:
                found[database, table.oid] = link_name(ends.spec.task.name, database, epochs[table.oid], table.group)
    return found


def live_plan(
    plan: Plan,
    slots: Mapping[tuple[str, int], str],
    deviations: Sequence[Deviation],
    databases: Collection[str | None],
) -> LivePlan:
    """Return what of a verification can be compared while changes flow.

    Args:
        plan: the steps of the stage `verify`.
        slots: see `slots_of_tables`.
        deviations: of the task that follows the changes.
        databases: that it moves; one that came since takes a task of its own.
    """
    steps: list[Step] = []
    left_out: set[str] = set()
    for step in itertools.chain.from_iterable(map(single_steps, plan.steps.values())):
        slot = slots.get((step.database or "", step.args.get("oid", 0))) if step.action == "compare_rows" else None
        if step.database is not None and step.database not in databases:
            continue
        if slot is not None:
            args = {**step.args, "slot": slot}
            steps.append(replace(step, action=LIVE, args=args, transactional=False))
        elif step.plugin in ALIGNED:
            left_out.add(ALIGNED[step.plugin])
        elif step.action == "definitions" and (late := late_labels(deviations, step.database)):
            steps.append(replace(step, args={**step.args, "late": sorted(late)}))
            left_out.add("foreign keys between tables that were copied in different snapshots")
        else:
            steps.append(step)
    return LivePlan(plan=plan.with_steps(steps), left_out=frozenset(left_out))
