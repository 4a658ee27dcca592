"""Relations of a database by the hundred thousand, in columns: see `dtsrun.inventory.entries`."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, ValuesView
from typing import Any, Final, NamedTuple

from dtsrun.api import Column, Relation

FIELDS: Final = tuple(Relation.__dataclass_fields__)


class Common(NamedTuple):
    """What many relations have in common."""

    schema: str
    relkind: str
    persistence: str
    owner: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    is_partition: bool
    row_security: bool
    populated: bool
    extension: str | None
    extension_condition: str | None


class Store:
    """The facts of relations, in the order of their OIDs."""

    def __init__(self) -> None:
        self.oids = array("I")
        self.bytes = array("q")
        self.pages = array("q")
        self.rows = array("d")
        self.commons: list[Common] = []
        self.common = array("I")
        self.parents: dict[int, tuple[int, ...]] = {}
        """By position; of those that have any."""
        self._known: dict[Common, int] = {}
        self._names = bytearray()
        self._name_ends = array("Q")

    def add(self, relation: Relation) -> None:
        """Add a relation; its OID must be higher than those before."""
        common = Common(*(getattr(relation, name) for name in Common._fields))
        number = self._known.setdefault(common, len(self.commons))
        if number == len(self.commons):
            self.commons.append(common)
        if relation.parents:
            self.parents[len(self.oids)] = relation.parents
        self.oids.append(relation.oid)
        self.bytes.append(relation.bytes)
        self.pages.append(relation.pages)
        self.rows.append(relation.estimated_rows)
        self.common.append(number)
        self._names += relation.name.encode("utf-8", "surrogatepass")
        self._name_ends.append(len(self._names))

    def name(self, at: int) -> str:
        """Return the name of a relation."""
        name = self._names[self._name_ends[at - 1] if at else 0 : self._name_ends[at]]
        return name.decode("utf-8", "surrogatepass")


class StoredRelation(Relation):
    """A relation that looks its facts up. It equals a `Relation` of the same facts; `dataclasses.replace` gives one
    that holds them itself."""

    __slots__ = ("_at", "_store")
    _at: int
    _store: Store

    def __new__(cls, **facts: Any) -> Any:
        """Return what `dataclasses.replace` asks for."""
        return Relation(**facts)

    @property
    def oid(self) -> int:
        """Its OID."""
        return self._store.oids[self._at]

    @property
    def name(self) -> str:
        """Its name."""
        return self._store.name(self._at)

    @property
    def bytes(self) -> int:
        """Its size, without indexes."""
        return self._store.bytes[self._at]

    @property
    def pages(self) -> int:
        """Of the heap."""
        return self._store.pages[self._at]

    @property
    def estimated_rows(self) -> float:
        """As the planner thinks."""
        return self._store.rows[self._at]

    @property
    def parents(self) -> tuple[int, ...]:
        """OIDs of partitioned or inherited parents."""
        return self._store.parents.get(self._at, ())

    @property
    def schema(self) -> str:
        """Its schema."""
        return self._store.commons[self._store.common[self._at]].schema

    @property
    def relkind(self) -> str:
        """The kind of relation."""
        return self._store.commons[self._store.common[self._at]].relkind

    @property
    def persistence(self) -> str:
        """Permanent or unlogged."""
        return self._store.commons[self._store.common[self._at]].persistence

    @property
    def owner(self) -> str:
        """Its owner."""
        return self._store.commons[self._store.common[self._at]].owner

    @property
    def columns(self) -> tuple[Column, ...]:
        """The live columns."""
        return self._store.commons[self._store.common[self._at]].columns

    @property
    def key(self) -> tuple[str, ...]:
        """What tells its rows apart."""
        return self._store.commons[self._store.common[self._at]].key

    @property
    def is_partition(self) -> bool:
        """Whether it is one."""
        return self._store.commons[self._store.common[self._at]].is_partition

    @property
    def row_security(self) -> bool:
        """Whether policies hold."""
        return self._store.commons[self._store.common[self._at]].row_security

    @property
    def populated(self) -> bool:
        """For materialized views."""
        return self._store.commons[self._store.common[self._at]].populated

    @property
    def extension(self) -> str | None:
        """The extension that owns it."""
        return self._store.commons[self._store.common[self._at]].extension

    @property
    def extension_condition(self) -> str | None:
        """Which rows of an extension's table are the user's."""
        return self._store.commons[self._store.common[self._at]].extension_condition

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredRelation) and other._store is self._store:
            return other._at == self._at
        return _facts_of(self) == _facts_of(other) if isinstance(other, Relation) else NotImplemented

    __hash__ = Relation.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return _whole, (_facts_of(self),)


_new = object.__new__
_set = object.__setattr__  # a Relation is frozen


def _relation(store: Store, at: int) -> StoredRelation:
    relation: StoredRelation = _new(StoredRelation)
    _set(relation, "_store", store)
    _set(relation, "_at", at)
    return relation


def _whole(facts: tuple[Any, ...]) -> Relation:
    return Relation(**dict(zip(FIELDS, facts, strict=True)))


def _facts_of(relation: Relation) -> tuple[Any, ...]:
    return tuple(getattr(relation, name) for name in FIELDS)


class StoredRelations(Mapping[int, Relation]):
    """Relations of a store by their OIDs, all of them or some."""

    def __init__(self, store: Store, positions: array[int] | None = None) -> None:
        """Args: positions: in the store, rising; None: all."""
        self.store = store
        self._positions = positions
        self._oids = store.oids if positions is None else array("I", (store.oids[at] for at in positions))

    def __len__(self) -> int:
        return len(self._oids)

    def __iter__(self) -> Iterator[int]:
        return iter(self._oids)

    def __contains__(self, oid: object) -> bool:
        return isinstance(oid, int) and self._find(oid) >= 0

    def __getitem__(self, oid: int) -> Relation:
        number = self._find(oid)
        if number < 0:
            raise KeyError(oid)
        return self._at(number)

    def values(self) -> ValuesView[Relation]:
        """Return the relations."""
        return _Values(self)

    def only(self, is_wanted: Callable[[Relation], bool]) -> StoredRelations:
        """Return some of them."""
        numbers = (number for number in range(len(self)) if is_wanted(self._at(number)))
        chosen = array("I", (n if self._positions is None else self._positions[n] for n in numbers))
        return self if len(chosen) == len(self) else StoredRelations(self.store, chosen)

    def _find(self, oid: int) -> int:
        number = bisect_left(self._oids, oid)
        return number if number < len(self._oids) and self._oids[number] == oid else -1

    def _at(self, number: int) -> Relation:
        return _relation(self.store, number if self._positions is None else self._positions[number])


class _Values(ValuesView[Relation]):
    def __init__(self, relations: StoredRelations) -> None:
        super().__init__(relations)
        self._relations = relations

    def __iter__(self) -> Iterator[Relation]:
        return map(self._relations._at, range(len(self._relations)))
