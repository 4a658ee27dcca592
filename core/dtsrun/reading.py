"""What is read while something else is made: rows that the functions in a CHECK, or the query of a view, look up.

pg_dump orders definitions, not rows. A table whose CHECK calls a function that looks into another table can only be
filled after that one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Final, TypeVar

from dtsrun.api import Database, Entry

ROUTINES: Final = frozenset({"FUNCTION", "PROCEDURE", "AGGREGATE"})
HOLDERS: Final = frozenset({"TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW"})
"""Entries that hold rows themselves: what they were made of does not matter to who reads them."""

Node = TypeVar("Node", bound=Hashable)


def tables_read(database: Database, entry: Entry, *, through_routines_only: bool = False) -> frozenset[int]:
    """Return OIDs of the relations whose rows are read when an entry is evaluated, through any number of views,
    types and routines.

    Args:
        through_routines_only: not those that it merely stands on, as a partition does on its parent.
    """
    found: set[int] = set()
    seen: set[tuple[int, bool]] = set()
    waiting = [(needed, not through_routines_only) for needed in entry.depends_on]
    while waiting:
        step = waiting.pop()
        needed = database.entries.get(step[0])
        if needed is None or step in seen:
            continue
        seen.add(step)
        is_read = step[1] or needed.type in ROUTINES
        if needed.type not in HOLDERS:
            waiting.extend((each, is_read) for each in _named_by(database, needed))
        elif is_read and needed.oid != entry.oid:
            found.add(needed.oid)
    return frozenset(found)


def calls_routines(database: Database, entry: Entry) -> bool:
    """Return whether an entry depends on a routine of the user, whose body may read what nobody can tell."""
    seen: set[int] = set()
    waiting = [*entry.depends_on]
    while waiting:
        needed = database.entries.get(waiting.pop())
        if needed is None or needed.id in seen:
            continue
        seen.add(needed.id)
        if needed.type in ROUTINES:
            return True
        if needed.type not in HOLDERS:
            waiting.extend(needed.depends_on)
    return False


def without_circles(edges: Mapping[Node, Iterable[Node]]) -> dict[Node, tuple[Node, ...]]:
    """Return the edges without those that would close a circle; of a circle, the edge that comes last is dropped."""
    kept: dict[Node, list[Node]] = {node: [] for node in edges}
    for node, others in edges.items():
        for other in others:
            if not _leads_to(kept, other, node):
                kept[node].append(other)
    return {node: tuple(others) for node, others in kept.items()}


def _named_by(database: Database, entry: Entry) -> tuple[int, ...]:
    return (*entry.depends_on, *database.body_edges.get(entry.id, ()))


def _leads_to(edges: Mapping[Node, Iterable[Node]], start: Node, end: Node) -> bool:
    seen: set[Node] = set()
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node == end:
            return True
        if node not in seen:
            seen.add(node)
            waiting.extend(edges.get(node, ()))
    return False
