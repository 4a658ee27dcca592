"""The watch over one database of the source: what is otherwise than it was when its tables were copied.

Each look costs one small query; only when that says that something changed, the catalogs are read again. What was told
once is not told again, unless it changes once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from dtsrun.api import Connection, DatabaseSelection, Entry, Link
from dtsrun.inventory.patterns import matches
from dtsrun.watch.drift import Action, Drift, Repair, Wanted, compare_fingerprints
from dtsrun.watch.fingerprint import Fingerprint, read_fingerprint, read_pulse
from dtsrun.watch.large_objects import LargeObjectState, compare_large_objects, read_large_objects
from dtsrun.watch.restoring import with_statements

DUMPED: Final = (Action.APPLY_SQL, Action.FOLLOW_TABLE)
"""What a dump gives the statements of, where they are not known."""

SELECTORS: Final = {
    "table": "table",
    "view": "view",
    "materialized view": "materialized_view",
    "function": "function",
    "procedure": "procedure",
    "aggregate": "aggregate",
    "sequence": "sequence",
    "type": "type",
    "foreign table": "foreign_table",
    "domain": "domain",
    "collation": "collation",
    "conversion": "conversion",
    "extension": "extension",
    "operator": "operator",
}
"""The selector of the spec for what pg_identify_object calls an object."""


class Sentinel:
    """The watch over one database.

    Args:
        database: its name on the source.
        begun: its state when its tables were copied.
        wanted: what of new objects the selection takes.
        dump: gives the entries of a fresh dump of the source's database; called only when there is drift to repair.
        large_objects: their state at the same time; None: they are not moved.
    """

    def __init__(
        self,
        database: str,
        begun: Fingerprint,
        *,
        wanted: Wanted,
        dump: Callable[[], Sequence[Entry]],
        large_objects: LargeObjectState | None = None,
    ) -> None:
        self.database = database
        self.known = begun
        self.known_large_objects = large_objects
        self._wanted = wanted
        self._dump = dump
        self._unpublished: set[int] = set()

    def look(self, source: Connection, links: Sequence[Link]) -> list[Drift]:
        """Return what changed since the last look."""
        followed = [table.oid for link in links for table in link.tables]
        drifts: list[Drift] = []
        if read_pulse(source) != self.known.pulse:
            now = read_fingerprint(source, followed, self.known)
            drifts += compare_fingerprints(self.database, self.known, now, followed, self._wanted)
            self.known = now
        if self.known_large_objects is not None:
            state = read_large_objects(source, self.known_large_objects)
            drifts += compare_large_objects(self.database, self.known_large_objects, state)
            self.known_large_objects = state
        drifts += self._publication_drifts(source, links)
        if any(d.repair and not d.repair.sql and d.repair.action in DUMPED for d in drifts):
            return with_statements(drifts, self._dump())
        return drifts

    def _publication_drifts(self, source: Connection, links: Sequence[Link]) -> list[Drift]:
        """A table that was taken out of its publication has lost what was written meanwhile."""
        rows = source.execute(
            "select r.prrelid::bigint as oid, p.pubname as name from pg_catalog.pg_publication_rel r"
            "  join pg_catalog.pg_publication p on p.oid = r.prpubid where p.pubname = any (%s)",
            [[name for link in links for name in link.publications]],
        ).fetchall()
        published = {row.oid for row in rows}
        missing = {t.oid: t for link in links for t in link.tables if t.oid not in published}
        # A table that is gone was dropped, which is told as that.
        there = {
            row.oid
            for row in source.execute(
                "select oid::bigint as oid from pg_catalog.pg_class where oid = any (%s::bigint[]::oid[])", [[*missing]]
            )
        }
        new = [table for oid, table in missing.items() if oid in there and oid not in self._unpublished]
        self._unpublished = set(missing)
        return [self._unpublished_drift(table) for table in new]

    def _unpublished_drift(self, table: Any) -> Drift:
        label = f"table {table.qualified}"
        said = f"{label} is no longer in its publication: what is written to it is lost"
        repair = Repair(action=Action.COPY_TABLE, object=label, catalog=1259, oid=table.oid)
        return Drift(kind="publication", database=self.database, object=label, message=said, repair=repair)


def wanted_by(chosen: DatabaseSelection | None) -> Wanted:
    """Return which objects of a database the spec's selection takes.

    Args:
        chosen: None where the whole instance is moved.
    """
    if chosen is None or not (chosen.include or chosen.exclude):
        return lambda _type, _schema, _name: True

    def wanted(kind: str, schema: str | None, name: str) -> bool:
        excluded = any(_matches(p.selector, p.text, kind, schema, name) for p in chosen.exclude)
        included = any(_matches(p.selector, p.text, kind, schema, name) for p in chosen.include)
        return not excluded and (included or not chosen.include)

    return wanted


def _matches(selector: str, text: str, kind: str, schema: str | None, name: str) -> bool:
    if selector == "schema":
        return matches(text, schema or name) if schema or kind == "schema" else False
    full = f"{schema}.{name}" if schema else name
    # A routine is named with its arguments or without.
    return SELECTORS.get(kind) == selector and any(matches(text, each) for each in (full, full.partition("(")[0]))
