"""Tables that no foreign key ties together may be followed by several links at once.

Each link keeps the order of commits for its own tables; tables that refer to each other stay in one group, so that a
reader of the target never sees a child before its parent.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from dtsrun.api import Connection


def foreign_keys(connection: Connection) -> list[tuple[int, int]]:
    """Return pairs of OIDs that a foreign key or a partitioned table ties together."""
    rows = connection.execute(
        "select c.conrelid as one, c.confrelid as other from pg_catalog.pg_constraint c where c.contype = 'f'"
        " union all select i.inhrelid, i.inhparent from pg_catalog.pg_inherits i"
    ).fetchall()
    # A partitioned table is no member itself, but ties its partitions together.
    return [(int(row.one), int(row.other)) for row in rows]


def grouped(sizes: Mapping[int, int], ties: Iterable[tuple[int, int]], count: int) -> dict[int, int]:
    """Return the group of each table, counted from 0; groups are about equal in size.

    Args:
        sizes: bytes by OID of all tables to be followed.
        count: how many groups at the most.
    """
    parts = _parts(sizes, ties)
    heaviest_first = sorted(parts, key=lambda part: (-sum(sizes[oid] for oid in part), min(part)))
    loads = [(0, group) for group in range(min(count, len(parts)))]
    found: dict[int, int] = {}
    for part in heaviest_first:
        load, group = heapq.heappop(loads)
        # Even an empty table may be written to: it weighs a little.
        heapq.heappush(loads, (load + sum(sizes[oid] + 1 for oid in part), group))
        found.update(dict.fromkeys(part, group))
    return found


def _parts(sizes: Mapping[int, int], ties: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Return the tables in parts that nothing ties together, by union and find."""
    parent: dict[int, int] = {}

    def root(oid: int) -> int:
        while parent.setdefault(oid, oid) != oid:
            parent[oid] = parent[parent[oid]]
            oid = parent[oid]
        return oid

    for one, other in ties:
        parent[root(one)] = root(other)
    parts: dict[int, list[int]] = {}
    for oid in sizes:
        parts.setdefault(root(oid), []).append(oid)
    return list(parts.values())
