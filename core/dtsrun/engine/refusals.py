"""Changes that the target refuses for good, and what the user's word makes of them: `on_apply_error`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dtsrun.api import Link, LinkTable
from dtsrun.engine.again import without_copies
from dtsrun.engine.watching import Say, open_drifts
from dtsrun.journal import Journal
from dtsrun.plan import Plan
from dtsrun.watch.drift import Action, Drift, Repair

KIND = "refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """What a link cannot apply."""

    link: Link
    table: str | None
    """`schema.name`, where it is known."""
    message: str
    """Names the row by its key, where it has one."""

    @property
    def followed(self) -> LinkTable | None:
        """The table among those that the link follows; None where it is none of them."""
        return next((table for table in self.link.tables if table.qualified == self.table), None)


class TableRefused(Exception):
    """A table is no longer to be followed, until it is repaired."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


class ApplyStopped(Exception):
    """The task fails, since changes cannot be applied; its links keep their positions."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def mending_command(journal: Journal, task: str, link: Link, said: str) -> str:
    """Return how to mend what drifted on the tables that an error of applying names; empty where nothing was told."""
    named = {table.oid for table in link.tables if re.search(rf"\b{re.escape(table.qualified)}\b", said)}
    numbers = [
        str(told.number)
        for told in open_drifts(journal, task)
        if told.drift.database == link.database and told.drift.repair and told.drift.repair.oid in named
    ]
    return f"; run: dtsrun repair {task} {' '.join(numbers)}" if numbers else ""


def quarantine(journal: Journal, task: str, say: Say, refusal: Refusal) -> None:
    """Let no link follow a table any more: what is left of it to do is a drift that only a copy mends.

    It is told first: a runner that is killed in between meets the same refusal again.
    """
    table = refusal.followed
    assert table is not None  # what is not followed cannot be refused
    known = {
        each.drift.repair.oid for each in open_drifts(journal, task) if each.drift.kind == KIND and each.drift.repair
    }
    if table.oid not in known:
        label = f"table {table.qualified}"
        repair = Repair(action=Action.COPY_TABLE, object=label, catalog=1259, oid=table.oid)
        said = f"{label} is not followed any more: {refusal.message}; `dtsrun repair {task}` copies it anew"
        drift = Drift(kind=KIND, database=refusal.link.database, object=label, message=said, repair=repair)
        say("drift", drift.message, drift.as_data())
    data = journal.plan(task)
    assert data is not None  # it is syncing
    plan = without_copies(Plan.from_data(data), {refusal.link.database: frozenset({table.oid})})
    journal.save_plan(task, [plan.steps[key] for key in plan.order], plan.as_data())
