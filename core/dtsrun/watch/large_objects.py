"""Large objects that came, went or changed: logical replication carries none of them.

Their contents are looked at only when the server's counters say that something was written, and only where the account
may read pg_largeobject and it is not too large; else it is said that some changed, and completion compares them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import psycopg

from dtsrun.api import Connection
from dtsrun.watch.drift import Action, Drift, Repair

CATALOG: Final = 2613
"""pg_largeobject, under whose OID large objects are addressed."""

MOST_PAGES: Final = 500_000
"""Rows of pg_largeobject (2 kB each, so 1 GB) that are looked through for what changed."""

MOST_NAMED: Final = 1000
"""Large objects that a look names one by one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LargeObjectState:
    """Which large objects there are, and how."""

    marks: Mapping[int, str]
    """Of owner and grants, by OID."""
    contents: Mapping[int, str] | None
    """Marks of contents by OID; None: they cannot be looked at."""
    writes: int
    """The server's counter of rows written to pg_largeobject."""


def read_large_objects(source: Connection, before: LargeObjectState | None = None) -> LargeObjectState:
    """Return the large objects of a database as they are now.

    Args:
        before: an earlier state: where nothing was written since, contents are taken from it.
    """
    rows = source.execute(files(__package__).joinpath("large_objects.sql").read_bytes()).fetchall()
    row = source.execute(
        "select pg_catalog.pg_stat_get_tuples_inserted(2613) + pg_catalog.pg_stat_get_tuples_updated(2613)"
        " + pg_catalog.pg_stat_get_tuples_deleted(2613) as writes"
    ).fetchone()
    writes = int(row.writes) if row else 0
    marks = {each.oid: each.mark for each in rows}
    if before is not None and before.writes == writes and before.marks.keys() == marks.keys():
        return LargeObjectState(marks=marks, contents=before.contents, writes=writes)
    return LargeObjectState(marks=marks, contents=_contents(source), writes=writes)


def has_large_objects(source: Connection) -> bool:
    """Tell whether a database holds any."""
    return source.execute("select from pg_catalog.pg_largeobject_metadata limit 1").fetchone() is not None


def compare_large_objects(database: str, before: LargeObjectState, now: LargeObjectState) -> list[Drift]:
    """Return what came, went or changed: one by one, up to a bound, then one for the rest."""
    found = list(_changes(database, before, now))
    if len(found) > MOST_NAMED:
        rest = len(found) - MOST_NAMED
        said = f"{rest} more large objects changed on the source; completion copies them"
        found[MOST_NAMED:] = [Drift(kind="large object", database=database, object="large objects", message=said)]
    return found


def _changes(database: str, before: LargeObjectState, now: LargeObjectState) -> Iterator[Drift]:
    for oid in sorted(before.marks.keys() | now.marks.keys()):
        if oid not in now.marks:
            yield _drift(database, oid, "was removed")
        elif oid not in before.marks:
            yield _drift(database, oid, "is new")
        elif before.contents is not None and now.contents is not None:
            if before.contents.get(oid) != now.contents.get(oid):
                yield _drift(database, oid, "was written to")
            elif before.marks[oid] != now.marks[oid]:
                yield _drift(database, oid, "has another owner or other grants")
        elif before.marks[oid] != now.marks[oid]:
            yield _drift(database, oid, "has another owner or other grants")
    if now.contents is None and before.writes != now.writes and before.marks.keys() == now.marks.keys():
        said = "large objects were written to on the source; which ones cannot be seen, completion compares them all"
        yield Drift(kind="large object", database=database, object="large objects", message=said)


def _drift(database: str, oid: int, said: str) -> Drift:
    name = f"large object {oid}"
    repair = Repair(action=Action.COPY_LARGE_OBJECT, object=name, catalog=CATALOG, oid=oid)
    return Drift(
        kind="large object", database=database, object=name, message=f"{name} {said} on the source", repair=repair
    )


def _contents(source: Connection) -> Mapping[int, str] | None:
    """Return of each large object a mark by its pages' places and transactions, which change with every write."""
    try:
        with source.transaction():
            row = source.execute("select relpages, reltuples from pg_catalog.pg_class where oid = 2613").fetchone()
            if row is None or row.reltuples > MOST_PAGES:
                return None
            rows = source.execute(
                "select l.loid::bigint as oid, pg_catalog.count(*) || ':' || pg_catalog.sum("
                "  pg_catalog.hashint8(l.xmin::text::bigint * 7919 + l.pageno)::bigint) as mark"
                "  from pg_catalog.pg_largeobject l group by 1"
            ).fetchall()
    except psycopg.errors.InsufficientPrivilege:
        return None
    return {each.oid: each.mark for each in rows}
