"""The statements that make on the target what the source's dump says of an object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

from psycopg import sql

from dtsrun.api import Entry, Section
from dtsrun.compare.tokens import tokens
from dtsrun.structure import PROPERTY_TYPES, restoring_sql
from dtsrun.watch.drift import Action, Drift
from dtsrun.watch.fingerprint import Address

SECRET_TYPES: Final = frozenset({"USER MAPPING", "SUBSCRIPTION"})
"""Entries whose SQL may hold a password: it is written into no journal."""

_REPLACEABLE: Final = {
    "CREATE FUNCTION": "CREATE OR REPLACE FUNCTION",
    "CREATE PROCEDURE": "CREATE OR REPLACE PROCEDURE",
    "CREATE VIEW": "CREATE OR REPLACE VIEW",
    "CREATE TRIGGER": "CREATE OR REPLACE TRIGGER",
}

_PROPERTIES: Final = frozenset({"ACL", "COMMENT", "SECURITY LABEL"})

_OWN_ONLY: Final = frozenset({"TABLE", "SEQUENCE", "SCHEMA", "MATERIALIZED VIEW", "FOREIGN TABLE", "DATABASE"})
"""What cannot be made anew, since it holds something: only owner, grants and comment follow."""


def with_statements(drifts: Iterable[Drift], entries: Sequence[Entry]) -> list[Drift]:
    """Return drifts whose repair says by which statements.

    Args:
        entries: of a fresh dump of the source's database (`dtsrun.inventory.dump_entries`).
    """
    dumped = _Dumped(entries)
    return [_with_statements(drift, dumped) for drift in drifts]


class _Dumped:
    """Entries of a dump, found by object and by what they belong to."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.by_address = {Address(entry.catalog, entry.oid): entry for entry in entries if entry.oid}
        self._by_id = {entry.id: entry for entry in entries}
        self._place = {entry.id: place for place, entry in enumerate(entries)}
        self._children: dict[int, list[Entry]] = {}
        for entry in entries:
            for needed in entry.depends_on:
                self._children.setdefault(needed, []).append(entry)

    def properties(self, entry: Entry) -> list[Entry]:
        """Return what says who may do what with an object, and what is said of it."""
        kinds = {*_PROPERTIES, "ROW SECURITY"} if entry.type == "TABLE" else _PROPERTIES
        return [child for child in self._children.get(entry.id, ()) if child.type in kinds]

    def family(self, entry: Entry) -> list[Entry]:
        """Return an object and all that is made with it, in an order that works: of a table its sequences, constraints,
        indexes and triggers."""
        found = {entry.id: entry}
        waiting = [entry]
        while waiting:
            for child in self._members(waiting.pop(), entry):
                if child.id not in found:
                    found[child.id] = child
                    waiting.append(child)
        # Attached last, a partition's own indexes become parts of its table's; there is nothing to attach by name.
        wanted = [each for each in found.values() if each.type != "INDEX ATTACH"]
        return sorted(wanted, key=self._order)

    def _members(self, parent: Entry, entry: Entry) -> Iterator[Entry]:
        for child in self._children.get(parent.id, ()):
            if child.type in _PROPERTIES or (child.type in {*PROPERTY_TYPES, "SEQUENCE"} and _belongs(child, entry)):
                yield child
        if parent.type in ("DEFAULT", "SEQUENCE OWNED BY"):
            needed = (self._by_id[i] for i in parent.depends_on if i in self._by_id)
            yield from (each for each in needed if each.type == "SEQUENCE")

    def _order(self, entry: Entry) -> tuple[bool, bool, int]:
        return entry.type == "TABLE ATTACH", entry.section is Section.POST_DATA, self._place[entry.id]


def _with_statements(drift: Drift, dumped: _Dumped) -> Drift:
    repair = drift.repair
    if repair is None or repair.sql or repair.action not in (Action.APPLY_SQL, Action.FOLLOW_TABLE):
        return drift
    entry = dumped.by_address.get(Address(repair.catalog, repair.oid))
    if entry is None:
        return replace(drift, repair=None)
    made = _new(entry, dumped) if " is new" in drift.message else _anew(entry, dumped)
    statements = tuple(statement.strip() for statement in made if statement.strip())
    return replace(drift, repair=replace(repair, sql=statements) if statements else None)


def _new(entry: Entry, dumped: _Dumped) -> Iterator[str]:
    for each in dumped.family(entry):
        if each.type not in SECRET_TYPES:
            yield from restoring_sql(each, [each.sql])


def _anew(entry: Entry, dumped: _Dumped) -> Iterator[str]:
    """Yield the statements that bring an object to what it is now: in place where the server can, else made anew."""
    properties = dumped.properties(entry)
    if entry.type in _OWN_ONLY:
        yield from restoring_sql(entry, ["--"])
        if entry.type == "TABLE" and not any(each.type == "ROW SECURITY" for each in properties):
            name = sql.Identifier(entry.schema or "", entry.name)
            yield sql.SQL("alter table {} disable row level security").format(name).as_string()
    elif replacing := next((w for plain, w in _REPLACEABLE.items() if entry.sql.startswith(plain)), None):
        yield from restoring_sql(entry, [replacing + entry.sql.partition(replacing.rpartition(" ")[2])[2]])
    elif entry.type == "TYPE" and " AS ENUM (" in entry.sql:
        yield from _enum_values(entry)
    else:
        yield entry.drop_sql
        yield from restoring_sql(entry, [entry.sql])
    for each in properties:
        yield from restoring_sql(each, [each.sql])


def _enum_values(entry: Entry) -> Iterator[str]:
    """Yield what adds the values that are not there, each after the one before it."""
    name = sql.Identifier(entry.schema or "", entry.name).as_string()
    values = [word for word in tokens(entry.sql.partition(" AS ENUM (")[2]) if word.startswith(("'", "E'"))]
    for before, value in pairwise((None, *values)):
        place = f" after {before}" if before else f" before {values[1]}" if values[1:] else ""
        yield f"alter type {name} add value if not exists {value}{place}"


def _belongs(child: Entry, entry: Entry) -> bool:
    """A foreign key depends on both its tables, and belongs to the one that its tag names first."""
    return child.type not in ("FK CONSTRAINT", "TRIGGER") or child.name.startswith(f"{entry.name} ")
