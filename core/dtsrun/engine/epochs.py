"""The epochs of a run that follows changes: how they begin, and which tables need a new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from dtsrun.engine.again import Lost, copied_anew
from dtsrun.engine.following import Following
from dtsrun.engine.prepare import Preparation
from dtsrun.engine.snapshots import Snapshots
from dtsrun.errors import MigrationError
from dtsrun.journal import Journal
from dtsrun.plan import Plan

READING: Final = frozenset({"structure", "full"})
"""Stages that read the source in the epoch's snapshot, where an epoch is a slot and costs something."""

MOST_BEGINNINGS: Final = 3

Say = Callable[[str, str], None]


def begin_epochs(preparation: Preparation, following: Following, say: Say) -> tuple[Preparation, Snapshots]:
    """Begin the first epoch of every database; return what is seen in it.

    A table that is made between the first look and the slot is in the snapshot and in no publication: then all
    begins anew, with a look that has seen it.

    Raises:
        MigrationError: tables are made faster than we can look.
    """
    for _ in range(MOST_BEGINNINGS):
        following.tables_of = preparation.decisions
        decided = {name: preparation.decisions(name) for name in preparation.inventory.databases}
        snapshots = Snapshots(following.begin_epoch, lambda _: 1, stages=READING)
        try:
            seen = Preparation(preparation.ends, snapshots, decided=decided)
            new = seen.new_tables()
        except BaseException:
            snapshots.close()
            raise
        if not new:
            return seen, snapshots
        snapshots.close()
        say("epoch", f"beginning anew: {new[0]} was made in the meantime")
        preparation = Preparation(preparation.ends)
    raise MigrationError(
        f"source: tables are made all the time, the last one was {new[0]}",
        hint="exclude them, or begin when none is made",
    )


def with_lost_tables(plan: Plan, following: Following, epochs: Mapping[str, int], journal: Journal, say: Say) -> Plan:
    """Return the plan, with steps that copy the tables anew whose slot is lost.

    Tables that are yet to be copied are taken out of the links that followed them.
    """
    known = journal.task(following.view.task)
    if ((known.summary.get("completing") if known else None) or {}).get("phase") == "removing":
        return plan
    lost = following.lost_tables(plan)
    if lost:
        plan = _copied_anew(plan, following, lost, epochs, journal, say)
    following.take_out(plan)
    return plan


def _copied_anew(
    plan: Plan, following: Following, lost: Lost, epochs: Mapping[str, int], journal: Journal, say: Say
) -> Plan:
    for database, tables in lost.items():
        say("slot lost", f"{len(tables)} tables of {database} are copied anew: their slot is lost")
    plan = copied_anew(plan, lost, {name: epochs.get(name, 1) for name in lost})
    journal.save_plan(following.view.task, (plan.steps[key] for key in plan.order), plan.records())
    return plan
