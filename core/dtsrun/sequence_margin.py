"""How far sequences are set ahead at completion where writers could not be kept from the source.

A number that `nextval` gives away leaves no row, so no proof finds it. Without a fence, while others are connected, the
source may give away more after its sequences were read: so each that has moved since the copy is set ahead by what it
gave away, on average, in two minutes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import sql

from dtsrun import marks
from dtsrun.api import Connection, StepResult

SECONDS: Final = 120
"""Of giving away, at the average since the copy: what was read, verified and handed over by then is minutes old."""

UNFENCED: Final = "writers may go on"
"""The mark of a database whose source has no fence, and others connected."""

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where a sequence goes, and how far."""

    increment: int
    least: int
    most: int
    cycles: bool


def remember_writers(target: Connection, task: str, *, may_go_on: bool) -> None:
    """Remember for the steps of a completion whether writers may go on."""
    if may_go_on:
        marks.write(target, task, UNFENCED, 0, StepResult())
    elif marks.exists(target):
        marks.forget(target, task, UNFENCED)


def may_writers_go_on(target: Connection, task: str) -> bool:
    """Tell what `remember_writers` remembered."""
    return marks.exists(target) and marks.read(target, task, UNFENCED) is not None


def seen(values: Mapping[Name, int]) -> Mapping[str, Any]:
    """Return where sequences stand now, to be kept with the mark of their first copy."""
    return {"at": time.time(), "values": [[*name, value] for name, value in values.items()]}


def ahead(value: int, before: int, seconds: float, bounds: Bounds) -> int:
    """Return where to set a sequence that stood somewhere else some seconds ago; its own value where it stood still.

    It is set ahead in its own direction and in whole increments, and never beyond its bound: one that cycles begins
    again there. One that went backwards was set by hand, and stays, unless it cycles.
    """
    sign = 1 if bounds.increment > 0 else -1
    moved = (value - before) * sign
    if moved < 0 and bounds.cycles:
        moved += bounds.most - bounds.least + 1
    if moved <= 0:
        return value
    steps = math.ceil(moved * SECONDS / max(seconds, 1.0) / abs(bounds.increment))
    room = (bounds.most - value if sign > 0 else value - bounds.least) // abs(bounds.increment)
    return value + min(steps, room) * bounds.increment


def read_bounds(connection: Connection, names: list[Name]) -> dict[Name, Bounds]:
    """Return the bounds of sequences that are there."""
    rows = connection.execute(
        sql.SQL(
            "select n.nspname::text as schema, c.relname::text as name, s.seqincrement as increment,"
            " s.seqmin as least, s.seqmax as most, s.seqcycle as cycles"
            "  from rows from (pg_catalog.unnest(%s::text[]), pg_catalog.unnest(%s::text[])) as w(schema, name)"
            "  join pg_catalog.pg_namespace n on n.nspname = w.schema"
            "  join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = w.name"
            "  join pg_catalog.pg_sequence s on s.seqrelid = c.oid"
        ),
        [[schema for schema, _ in names], [name for _, name in names]],
    ).fetchall()
    return {(row.schema, row.name): Bounds(row.increment, row.least, row.most, row.cycles) for row in rows}
