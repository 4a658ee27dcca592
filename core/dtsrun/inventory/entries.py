"""Entries of a dump by the hundred thousand: facts in columns, definitions on disk.

An `Entry` with its texts takes 700 bytes and more; a database of 100,000 tables has 200,000 of them, and both ends are
looked at. Here one takes about 60 bytes: numbers stand in arrays, what many entries have in common (type, schema,
owner, kind) once, names behind each other, and definitions in a file. What is handed out is an `Entry` that looks its
facts up.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence, ValuesView
from typing import Any, Final, NamedTuple, overload

from dtsrun.api import Entry, Section
from dtsrun.texts import Texts

FIELDS: Final = tuple(Entry.__dataclass_fields__)


class Common(NamedTuple):
    """What many entries have in common."""

    type: str
    schema: str | None
    owner: str | None
    catalog: int
    tablespace: str | None
    access_method: str | None
    relkind: str | None
    section: Section
    kind: str


class Store:
    """The facts of a dump's entries, in its order; filled by one thread, then read by any."""

    def __init__(self, texts: Texts) -> None:
        """Args: texts: where definitions go; one file for many stores, of which an instance may have thousands."""
        self._texts = texts
        self.ids = array("I")
        self.oids = array("I")
        self.commons: list[Common] = []
        self.common = array("I")
        self._known: dict[Common, int] = {}
        self._names = bytearray()
        self._name_ends = array("Q")
        self._needs = array("I")
        self._need_ends = array("Q")
        self._places = array("Q")
        self._lengths = array("I")
        self._drop_lengths = array("I")
        self._by_id: array[int] | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def add(self, id: int, oid: int, name: str, common: Common, needs: Sequence[int], texts: tuple[str, str]) -> None:
        """Add an entry. Args: texts: its definition, and what drops it."""
        number = self._known.setdefault(common, len(self.commons))
        if number == len(self.commons):
            self.commons.append(common)
        self.ids.append(id)
        self.oids.append(oid)
        self.common.append(number)
        self._names += _bytes(name)
        self._name_ends.append(len(self._names))
        self._needs.extend(needs)
        self._need_ends.append(len(self._needs))
        definition, drop = map(_bytes, texts)
        self._places.append(self._texts.put(definition + drop))
        self._lengths.append(len(definition))
        self._drop_lengths.append(len(drop))

    def forget_unknown_needs(self) -> None:
        """Take away what entries need that is no entry itself, when all are there."""
        kept, ends, begin = array("I"), array("Q"), 0
        positions = self._positions()
        last = len(positions)
        for end in self._need_ends:
            kept.extend(i for i in self._needs[begin:end] if i < last and positions[i])
            ends.append(len(kept))
            begin = end
        self._needs, self._need_ends = kept, ends

    def position(self, id: int) -> int:
        """Return where the entry of an id stands, -1 if there is none."""
        positions = self._positions()
        return positions[id] - 1 if 0 <= id < len(positions) else -1

    def name(self, at: int) -> str:
        """Return the name of an entry."""
        return _text(self._names[self._name_ends[at - 1] if at else 0 : self._name_ends[at]])

    def needs(self, at: int) -> tuple[int, ...]:
        """Return the ids of what an entry depends on."""
        return tuple(self._needs[self._need_ends[at - 1] if at else 0 : self._need_ends[at]])

    def definition(self, at: int) -> str:
        """Return an entry's statements."""
        return _text(self._texts.get(self._places[at], self._lengths[at]))

    def drop(self, at: int) -> str:
        """Return what drops an entry."""
        return _text(self._texts.get(self._places[at] + self._lengths[at], self._drop_lengths[at]))

    def facts(self, at: int) -> tuple[Any, ...]:
        """Return all facts of an entry, in the order of an entry's fields."""
        common, size = self.commons[self.common[at]], self._lengths[at]
        texts = self._texts.get(self._places[at], size + self._drop_lengths[at])
        return (
            self.ids[at],
            common.type,
            common.schema,
            self.name(at),
            common.owner,
            _text(texts[:size]),
            _text(texts[size:]),
            common.catalog,
            self.oids[at],
            common.tablespace,
            common.access_method,
            common.relkind,
            common.section,
            self.needs(at),
            common.kind,
        )

    def _positions(self) -> array[int]:
        """Return by id where each entry stands, counted from 1; pg_dump's ids have few gaps."""
        if self._by_id is None:
            found = array("I", bytes(4 * (max(self.ids, default=0) + 1)))
            for at, id in enumerate(self.ids, start=1):
                found[id] = at
            self._by_id = found
        return self._by_id


class StoredEntry(Entry):
    """An entry that looks its facts up. It is equal to an `Entry` of the same facts; `dataclasses.replace` gives one
    that holds them itself."""

    __slots__ = ("_at", "_store")
    _at: int
    _store: Store

    def __new__(cls, **facts: Any) -> Any:
        """Return what `dataclasses.replace` asks for."""
        return Entry(**facts)

    @property
    def id(self) -> int:
        """The dump's own number."""
        return self._store.ids[self._at]

    @property
    def oid(self) -> int:
        """OID of the object."""
        return self._store.oids[self._at]

    @property
    def name(self) -> str:
        """pg_dump's tag."""
        return self._store.name(self._at)

    @property
    def depends_on(self) -> tuple[int, ...]:
        """Ids of entries that must exist before."""
        return self._store.needs(self._at)

    @property
    def sql(self) -> str:
        """The definition, read from disk."""
        return self._store.definition(self._at)

    @property
    def drop_sql(self) -> str:
        """What drops it, read from disk."""
        return self._store.drop(self._at)

    @property
    def type(self) -> str:
        """pg_dump's word."""
        return self._store.commons[self._store.common[self._at]].type

    @property
    def schema(self) -> str | None:
        """The schema, where it has one."""
        return self._store.commons[self._store.common[self._at]].schema

    @property
    def owner(self) -> str | None:
        """The owner."""
        return self._store.commons[self._store.common[self._at]].owner

    @property
    def catalog(self) -> int:
        """OID of the catalog that describes the object."""
        return self._store.commons[self._store.common[self._at]].catalog

    @property
    def tablespace(self) -> str | None:
        """None: the database's default."""
        return self._store.commons[self._store.common[self._at]].tablespace

    @property
    def access_method(self) -> str | None:
        """The table access method."""
        return self._store.commons[self._store.common[self._at]].access_method

    @property
    def relkind(self) -> str | None:
        """The kind of relation."""
        return self._store.commons[self._store.common[self._at]].relkind

    @property
    def section(self) -> Section:
        """When it is restored."""
        return self._store.commons[self._store.common[self._at]].section

    @property
    def kind(self) -> str:
        """The object kind that claims it."""
        return self._store.commons[self._store.common[self._at]].kind

    def __eq__(self, other: object) -> bool:
        if isinstance(other, StoredEntry) and other._store is self._store:
            return other._at == self._at
        return facts_of(self) == facts_of(other) if isinstance(other, Entry) else NotImplemented

    __hash__ = Entry.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return _whole, (facts_of(self),)


_new = object.__new__
_set = object.__setattr__  # an Entry is frozen


def _entry(store: Store, at: int) -> StoredEntry:
    entry: StoredEntry = _new(StoredEntry)
    _set(entry, "_store", store)
    _set(entry, "_at", at)
    return entry


def _whole(facts: tuple[Any, ...]) -> Entry:
    return Entry(**dict(zip(FIELDS, facts, strict=True)))


def facts_of(entry: Entry) -> tuple[Any, ...]:
    """Return all facts of an entry, in the order of its fields."""
    if isinstance(entry, StoredEntry):
        return entry._store.facts(entry._at)
    return tuple(getattr(entry, name) for name in FIELDS)


class StoredEntries(Sequence[Entry]):
    """Entries of a store, all of them or some, in the dump's order."""

    def __init__(
        self, store: Store, positions: Sequence[int] | None = None, changed: Mapping[int, Entry] | None = None
    ) -> None:
        """Args: positions: in the store, rising; None: all. changed: entries that stand for those of their position."""
        self.store = store
        self.positions: Sequence[int] = range(len(store)) if positions is None else positions
        self._changed = changed or {}

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> Entry: ...
    @overload
    def __getitem__(self, index: slice) -> StoredEntries: ...
    def __getitem__(self, index: int | slice) -> Entry | StoredEntries:
        if isinstance(index, slice):
            return StoredEntries(self.store, self.positions[index], self._changed)
        return self.at(self.positions[index])

    def __iter__(self) -> Iterator[Entry]:
        store, changed = self.store, self._changed
        if changed:
            yield from (changed.get(at) or _entry(store, at) for at in self.positions)
        else:
            for at in self.positions:
                yield _entry(store, at)

    def at(self, position: int) -> Entry:
        """Return the entry of a position in the store."""
        return self._changed.get(position) or _entry(self.store, position)

    def only(self, is_wanted: Callable[[Entry], bool]) -> StoredEntries:
        """Return some of them."""
        chosen = array("I", (at for at in self.positions if is_wanted(self.at(at))))
        return StoredEntries(self.store, chosen, self._changed)

    def changing(self, changed: Mapping[int, Entry]) -> StoredEntries:
        """Return them with others in the place of some. Args: changed: by position in the store."""
        return StoredEntries(self.store, self.positions, {**self._changed, **changed})

    def by_id(self) -> Mapping[int, Entry]:
        """Return them by their ids, in the dump's order."""
        return _ById(self)


class _ById(Mapping[int, Entry]):
    def __init__(self, entries: StoredEntries) -> None:
        self.entries = entries
        self._store = entries.store
        self._wanted: bytearray | None = None
        if len(entries) < len(self._store):
            self._wanted = bytearray(len(self._store))
            for at in entries.positions:
                self._wanted[at] = 1

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[int]:
        ids = self._store.ids
        return (ids[at] for at in self.entries.positions)

    def __contains__(self, id: object) -> bool:
        return isinstance(id, int) and self._position(id) >= 0

    def __getitem__(self, id: int) -> Entry:
        at = self._position(id)
        if at < 0:
            raise KeyError(id)
        return self.entries.at(at)

    def values(self) -> ValuesView[Entry]:
        return _Values(self)

    def _position(self, id: int) -> int:
        at = self._store.position(id)
        return at if at < 0 or self._wanted is None or self._wanted[at] else -1


class _Values(ValuesView[Entry]):
    def __init__(self, mapping: _ById) -> None:
        super().__init__(mapping)
        self._entries = mapping.entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __contains__(self, value: object) -> bool:
        return value in self._entries

    def __reversed__(self) -> Iterator[Entry]:
        return reversed(self._entries)


def only(entries: Mapping[int, Entry], is_wanted: Callable[[Entry], bool]) -> Sequence[Entry]:
    """Return some of a database's entries, in the dump's order."""
    if isinstance(entries, _ById):
        return entries.entries.only(is_wanted)
    return [entry for entry in entries.values() if is_wanted(entry)]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", "surrogatepass")
