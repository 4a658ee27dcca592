"""What comes after the rows: how entries are put together to steps, what each step waits for, and what it locks.

A database of ten thousand tables has some thirty thousand such entries, nearly all of them a matter of milliseconds;
a step for each would cost more than the work. So what is cheap goes in batches, what reads a large table on its own.

Batches must not wait for each other in a circle. Hence levels: an entry stands one level above whatever it waits for
that is of another cost, and a batch takes entries of one level and cost. On one level the dump's order is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from typing import Final

from dtsrun.api import Database, Entry, entry_name, rows_name
from dtsrun.pairs import ById
from dtsrun.structure import owned_by

FINAL_TYPES: Final = frozenset({"ACL", "COMMENT", "SECURITY LABEL", "DEFAULT ACL"})
"""What is put on objects when all of them are there."""

LAST_TYPES: Final = frozenset({"EVENT TRIGGER", "SUBSCRIPTION", "SUBSCRIPTION TABLE"})
"""What would act on our own work, had it come earlier."""

SMALL_BYTES: Final = 8 * 2**20
"""Up to this size of its tables an entry counts as cheap: an index over it takes well under a second."""

PG_CLASS: Final = 1259
"""OID of the catalog pg_class."""

BATCH_ENTRIES: Final = 100
BATCH_BYTES: Final = 64 * 2**20

READING_TYPES: Final = frozenset({"INDEX", "CONSTRAINT", "CHECK CONSTRAINT", "FK CONSTRAINT"})
"""Entries that read their tables from end to end."""


OWN_TABLE_TYPES: Final = frozenset({"INDEX", "CONSTRAINT", "CHECK CONSTRAINT"})
"""Of these, those that read one table."""


class Cost(IntEnum):
    """What an entry costs."""

    CATALOG = 0
    """A partitioned table's own index: nothing but catalog rows, so it need not wait for any rows."""
    CHEAP = 1
    COSTLY = 2


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one step, in the dump's order."""

    entries: tuple[Entry, ...]
    level: int
    cost: Cost


class PostData:
    """Post-data entries of one database and what they need.

    Args:
        has_rows: whether the task moves rows; without them everything is cheap.
        before_rows: entries that are made before the rows of a table come, with the table's OID.
        alone: ids of entries that others wait for which come before rows: they share no step, whose other entries
            may wait for just these rows.
    """

    def __init__(
        self,
        database: Database,
        entries: Sequence[Entry],
        *,
        has_rows: bool,
        before_rows: Mapping[int, int] | None = None,
        alone: Collection[int] = (),
    ) -> None:
        self._before_rows = before_rows or {}
        self._alone = frozenset({*alone, *self._before_rows})
        self._database = database
        self._entries = entries
        self._has_rows = has_rows
        self._sizes = ById()

    def batches(self) -> Iterator[Batch]:
        """Yield all entries in batches that do not wait for each other in a circle."""
        open_batches: dict[tuple[int, Cost], list[Entry]] = {}
        read: dict[tuple[int, Cost], int] = {}
        for entry in self._entries:
            level, cost = self._levels.get(entry.id) or 0, self._cost(entry)
            if cost is Cost.COSTLY:
                yield Batch((entry,), level, cost)
                continue
            batch = open_batches.setdefault((level, cost), [])
            more = self._read(entry)
            if len(batch) >= BATCH_ENTRIES or read.get((level, cost), 0) + more > BATCH_BYTES:
                yield Batch(tuple(batch), level, cost)
                batch.clear()
                read[level, cost] = 0
            batch.append(entry)
            read[level, cost] = read.get((level, cost), 0) + more
        for (level, cost), rest in open_batches.items():
            yield Batch(tuple(rest), level, cost)

    def needs(self, batch: Batch) -> tuple[str, ...]:
        """Return names of all that must stand before a batch."""
        own = {entry.id for entry in batch.entries}
        name = self._database.name
        names = [entry_name(name, i) for entry in batch.entries for i in entry.depends_on if i not in own]
        if batch.cost is not Cost.CATALOG:
            read = {oid for entry in batch.entries for oid in self.relations(entry, through_bodies=True)}
            read -= {self._before_rows[entry.id] for entry in batch.entries if entry.id in self._before_rows}
            names += [rows_name(name, oid) for oid in sorted(read)]
        return tuple(dict.fromkeys(names))

    def locks(self, batch: Batch) -> tuple[str, ...]:
        """Return names of the tables that a batch locks, so that no two steps wait for each other in a circle.

        A plain CREATE INDEX locks one table and waits for nobody while it holds it.
        """
        if batch.cost is Cost.COSTLY and batch.entries[0].type == "INDEX":
            return ()
        oids = {root for entry in batch.entries for oid in self.relations(entry) for root in self.roots(oid)}
        return tuple(f"{self._database.name}/lock/{oid}" for oid in sorted(oids))

    def bytes(self, entry: Entry) -> int:
        """Return the size of the tables that an entry reads, their partitions and heirs included."""
        known = self._sizes.get(entry.id)
        if known is None:
            known = self._sizes[entry.id] = sum(self.tree_bytes(oid) for oid in self._tables(entry))
        return known

    def tree(self, oid: int) -> set[int]:
        """Return a relation and all below it."""
        found, open_oids = {oid}, [oid]
        while open_oids:
            new = self._children.get(open_oids.pop(), set()) - found
            found |= new
            open_oids.extend(new)
        return found

    def tree_bytes(self, oid: int) -> int:
        """Return the size of a relation and all below it."""
        return sum(self._database.relations[each].bytes for each in self.tree(oid))

    def roots(self, oid: int) -> set[int]:
        """Return the topmost ancestors of a relation, itself if it has none."""
        relation = self._database.relations.get(oid)
        parents = [p for p in relation.parents if p in self._database.relations] if relation else []
        return set().union(*(self.roots(parent) for parent in parents)) if parents else {oid}

    def relations(self, entry: Entry, *, through_bodies: bool = False) -> set[int]:
        """Return OIDs of the relations that an entry works on, directly or through indexes, constraints and views.

        Args:
            through_bodies: also what functions read that are evaluated while it is made.
        """
        found: set[int] = set()
        seen, open_ids = {entry.id}, [*entry.depends_on]
        while open_ids:
            other = self._database.entries.get(open_ids.pop())
            if other is None or other.id in seen:
                continue
            seen.add(other.id)
            if other.oid in self._database.relations and other.catalog == PG_CLASS:
                found.add(other.oid)
            open_ids.extend(self._onwards(entry, other, through_bodies))
        return found

    def _onwards(self, entry: Entry, other: Entry, through_bodies: bool) -> Iterable[int]:
        if other.type in ("TABLE", "FOREIGN TABLE", "MATERIALIZED VIEW"):
            return ()
        if entry.type in OWN_TABLE_TYPES and other.type in OWN_TABLE_TYPES:
            # The index of a partition waits for the parent's index, not for the rows of the other partitions.
            return ()
        if other.type in ("FUNCTION", "PROCEDURE", "AGGREGATE", "TYPE", "DOMAIN"):
            is_evaluated = through_bodies and entry.type in READING_TYPES
            return (*other.depends_on, *self._database.body_edges.get(other.id, ())) if is_evaluated else ()
        return other.depends_on

    def _read(self, entry: Entry) -> int:
        # What is in a batch though its tables are large (a trigger, a partitioned index) does not read them.
        return size if (size := self.bytes(entry)) <= SMALL_BYTES else 0

    def _cost(self, entry: Entry) -> Cost:
        if entry.type in ("INDEX", "CONSTRAINT") and self._is_partitioned(entry):
            return Cost.CATALOG
        if entry.id in self._alone:
            return Cost.COSTLY
        reads = entry.type in READING_TYPES and self._has_rows and not entry.sql.rstrip("; \n").endswith("NOT VALID")
        return Cost.COSTLY if reads and self.bytes(entry) > SMALL_BYTES else Cost.CHEAP

    def _is_partitioned(self, entry: Entry) -> bool:
        tables = self._tables(entry)
        return bool(tables) and all(self._database.relations[oid].relkind == "p" for oid in tables)

    def _tables(self, entry: Entry) -> set[int]:
        owners = (self._database.entries[i] for i in owned_by(entry, self._database))
        return {owner.oid for owner in owners if owner.oid in self._database.relations}

    @cached_property
    def _children(self) -> Mapping[int, set[int]]:
        children: dict[int, set[int]] = {}
        for relation in self._database.relations.values():
            for parent in relation.parents:
                children.setdefault(parent, set()).add(relation.oid)
        return children

    @cached_property
    def _levels(self) -> ById:
        levels, costs = ById(), ById()
        for entry in self._entries:
            costs[entry.id] = self._cost(entry)
        for entry in self._entries:
            mine = costs.get(entry.id)
            waits = ((i, level) for i in entry.depends_on if (level := levels.get(i)) is not None)
            steps = (level + (costs.get(i) != mine or mine == Cost.COSTLY) for i, level in waits)
            levels[entry.id] = max(steps, default=0)
        return levels
