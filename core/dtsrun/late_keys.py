"""Foreign keys between rows of different moments, which hold only when all changes are applied.

A task that follows changes and was killed amid its copy keeps the tables that it has, of one snapshot, and copies the
others in a younger one; each is followed from its own. Until the changes have brought both to the same moment, a row
may refer to one that is not there yet, or is gone already. Such a key comes NOT VALID, where the server can do that,
and completion makes it whole when the last change is applied. A key that a TRUNCATE cannot pass is dropped meanwhile,
and made again by completion.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

import psycopg

from dtsrun import marks
from dtsrun.api import Connection, Database, Deviation, Entry, MigrationType, StepContext

PREFIX: Final = "FK CONSTRAINT "
"""Begins the label of a foreign key."""

UNVALIDATED: Final = "NOT VALID until completion: the rows of its tables were copied in different snapshots"
ABSENT: Final = "made at completion: the rows of its tables were copied in different snapshots"

RELEASED: Final = "dropped, and made again at completion: a TRUNCATE of the source could not be applied beside it"

START_OVER: Final = (
    "the rows of its tables were copied in different snapshots, and the source was written to in between: start over"
    " with --restart while nobody writes, or take migration.type full_incremental, which brings them to the same moment"
)


def is_foreign_key(entry: Mapping[str, Any]) -> bool:
    """Tell whether an entry of a step is a foreign key."""
    label: str = entry["label"]
    return label.startswith(PREFIX)


def is_about_foreign_key(entry: Entry, database: Database) -> bool:
    """Tell whether an entry is the comment of a foreign key: it waits with it."""
    needed = (database.entries.get(number) for number in entry.depends_on)
    return entry.type == "COMMENT" and any(e is not None and e.type == "FK CONSTRAINT" for e in needed)


def may_come_late(context: StepContext) -> bool:
    """Tell whether a foreign key that is violated now may hold when all changes are applied."""
    return context.spec.migration_type is MigrationType.FULL_INCREMENTAL and is_of_two_moments(context)


def is_of_two_moments(context: StepContext) -> bool:
    """Tell whether the tables of a step's database were copied in different snapshots."""
    copied = f"{context.step.database}/full/"
    found = marks.read_all(context.target(), context.spec.task.name)
    return len({mark.epoch for key, mark in found.items() if key.startswith(copied) and mark.done}) > 1


def add_unvalidated(target: Connection, entry: Mapping[str, Any]) -> str:
    """Add a foreign key that is not looked up yet; return what has become of it.

    Before version 18 a partitioned table takes none that is NOT VALID: then it comes at completion.
    """
    *before, last = entry["sql"]
    try:
        with target.transaction():
            for statement in (*before, f"{last.rstrip().removesuffix(';')} NOT VALID"):
                target.execute(statement.encode())
    except (psycopg.errors.WrongObjectType, psycopg.errors.FeatureNotSupported):
        return ABSENT
    return UNVALIDATED


def late_labels(deviations: Iterable[Deviation], database: str | None) -> frozenset[str]:
    """Return the labels of what a database lacks, or has not checked, until completion."""
    return frozenset(
        d.object for d in deviations if d.database == database and d.message in (UNVALIDATED, ABSENT, RELEASED)
    )
