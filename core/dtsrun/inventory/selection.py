"""What the spec selects of a database's entries, and what is missing for the selection to stand on its own.

An entry is either an object of its own, which patterns select, or it belongs to one and goes where that goes: an index
to its table, a comment to what it is about, a partition to its partitioned table. What an object needs and nobody would
think of listing (its schema, extensions, languages) comes along; anything else that is needed and not selected is
reported with the line that would select it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from dtsrun.api import DatabaseSelection, Entry, ObjectKind, Pattern, Role, Selection
from dtsrun.errors import SpecError
from dtsrun.inventory.belonging import SUBORDINATE_TYPES
from dtsrun.inventory.entries import StoredEntries
from dtsrun.inventory.patterns import include_line, matches, names_of, nearest

SCHEMA_SELECTOR: Final = "schema"
"""Selects a schema and everything in it."""

LARGE_OBJECTS: Final = "object.large_objects"
"""The kind whose selector brings large objects where objects are chosen one by one; our dump does not list them."""

IMPLIED_TYPES: Final = frozenset({"DATABASE", "EXTENSION", "PROCEDURAL LANGUAGE", "SCHEMA", "SHELL TYPE"})
"""What comes along when something selected needs it."""

DATABASE_WIDE_TYPES: Final = frozenset({"EVENT TRIGGER", "PUBLICATION", "SUBSCRIPTION"})
"""What acts on the whole database: never brought along by the objects that it names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """The outcome for one database."""

    entries: Mapping[int, Entry]
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing_includes: tuple[str, ...] = ()


def choose_entries(
    entries: StoredEntries,
    chosen: DatabaseSelection,
    kinds: Sequence[ObjectKind],
    parents: Mapping[int, int],
    *,
    body_edges: Mapping[int, tuple[int, ...]],
    schemas: Iterable[str],
) -> Choice:
    """Return what is selected of a database and what it lacks.

    What only the body of a function names counts as needed too, unless the spec excludes it by name: whoever does that
    knows that the function fails when it is called.

    Raises:
        SpecError: patterns that select nothing, each with its place.
    """
    if not has_patterns(chosen):
        # All of it, which lacks nothing.
        return Choice(entries=entries.by_id())
    return _Chooser(entries, chosen, kinds, parents, body_edges).choose(frozenset(schemas))


def has_patterns(chosen: DatabaseSelection) -> bool:
    """Return whether objects of a database are chosen one by one."""
    return bool(chosen.include or chosen.exclude)


class _Chooser:
    """One pass over the entries of one database."""

    def __init__(
        self,
        entries: StoredEntries,
        chosen: DatabaseSelection,
        kinds: Sequence[ObjectKind],
        parents: Mapping[int, int],
        body_edges: Mapping[int, tuple[int, ...]],
    ) -> None:
        self.all = entries
        self.entries = entries.by_id()
        self.chosen = chosen
        self.selectors = {k.name: k.selector for k in kinds}
        self.unlisted = {k.selector for k in kinds if not k.entry_types or k.name == LARGE_OBJECTS}
        self.parents = parents
        self.body_edges = body_edges
        self.children: defaultdict[int, list[int]] = defaultdict(list)
        for child, parent in parents.items():
            self.children[parent].append(child)
        self.schema_ids = {e.name: e.id for e in entries if e.type == "SCHEMA"}
        self.used: set[Pattern] = set()
        self.included = self._spread(chosen.include)
        self.excluded = self._spread(chosen.exclude)
        self.selected: set[int] = set()
        self.lacks_of_object: dict[int, tuple[int, ...]] = {}

    def choose(self, schemas: frozenset[str]) -> Choice:
        self._refuse_unused(schemas)
        self.selected = set(self.included if self.chosen.include else self.entries) - self.excluded
        self._add_implied()
        wanted = self._missing()
        return Choice(
            entries=self._closed_entries(),
            missing={self.entries[i].label: tuple(sorted(who)) for i, who in wanted.items()},
            missing_includes=tuple(dict.fromkeys(self._include_line(i) for i in wanted)),
        )

    # What patterns say

    def _spread(self, patterns: Sequence[Pattern]) -> set[int]:
        """Return what patterns name, with all that belongs to it."""
        return self._with_children({e.id for e in self.entries.values() if patterns and self._is_named(e, patterns)})

    def _with_children(self, ids: set[int]) -> set[int]:
        found = set(ids)
        waiting = list(ids)
        while waiting:
            new = [c for c in self.children[waiting.pop()] if c not in found]
            found.update(new)
            waiting.extend(new)
        return found

    def _is_named(self, entry: Entry, patterns: Sequence[Pattern]) -> bool:
        hits = [p for p in patterns if self._names(p, entry)]
        self.used.update(hits)
        return bool(hits)

    def _names(self, pattern: Pattern, entry: Entry) -> bool:
        if pattern.selector == SCHEMA_SELECTOR:
            return self._is_in_schema(pattern, entry)
        if pattern.selector != self.selectors.get(entry.kind):
            return False
        if entry.type in SUBORDINATE_TYPES and self._kind_of_parent(entry) in {None, entry.kind}:
            return False
        return any(matches(pattern.text, name) for name in names_of(entry))

    def _kind_of_parent(self, entry: Entry) -> str | None:
        parent = self.parents.get(entry.id)
        return None if parent is None else self.entries[parent].kind

    def _is_in_schema(self, pattern: Pattern, entry: Entry) -> bool:
        """Subordinate entries follow their parent; those without one (default privileges, grants on the system's own
        objects) stand in a schema like any object."""
        if entry.type == "SCHEMA":
            return matches(pattern.text, entry.name)
        if entry.schema is None or (entry.type in SUBORDINATE_TYPES and entry.id in self.parents):
            return False
        return matches(pattern.text, entry.schema)

    def _refuse_unused(self, schemas: frozenset[str]) -> None:
        patterns = (*self.chosen.include, *self.chosen.exclude)
        problems = [p for p in patterns if p not in self.used and not self._is_satisfied(p, schemas)]
        if problems:
            first, *others = problems
            message = "; ".join([self._complaint(first), *(f"{p.place}: {self._complaint(p)}" for p in others)])
            raise SpecError(message, where=first.place, hint=self._nearest(first, schemas))

    def _is_satisfied(self, pattern: Pattern, schemas: frozenset[str]) -> bool:
        """An empty schema, and a kind whose objects pg_dump does not list, have no entries to be found."""
        if pattern.selector == SCHEMA_SELECTOR:
            return any(matches(pattern.text, s) for s in schemas)
        return pattern.selector in self.unlisted

    def _complaint(self, pattern: Pattern) -> str:
        if pattern.selector not in {SCHEMA_SELECTOR, *self.selectors.values()}:
            return f"no kind of object is selected by the word {pattern.selector}"
        return f"{include_line(pattern.selector, pattern.text)} selects nothing in database {self.chosen.name}"

    def _nearest(self, pattern: Pattern, schemas: frozenset[str]) -> str | None:
        known = schemas if pattern.selector == SCHEMA_SELECTOR else self._names_by(pattern.selector)
        close = nearest(pattern.text, known)
        return f"did you mean {' or '.join(close)}?" if close else None

    def _names_by(self, selector: str) -> set[str]:
        objects = (e for e in self.entries.values() if e.type not in SUBORDINATE_TYPES)
        return {n for e in objects if self.selectors.get(e.kind) == selector for n in names_of(e)}

    # What comes along

    def _add_implied(self) -> None:
        self._add(e.id for e in self.entries.values() if e.type == "DATABASE")
        waiting = list(self.selected)
        while waiting:
            entry = self.entries[waiting.pop()]
            waiting.extend(self._add(i for i in self._needed_by(entry) if self._is_implied(i)))
            if not waiting:
                waiting.extend(self._add(self._companions()))

    def _add(self, ids: Iterable[int]) -> list[int]:
        """Select entries, and what of the subordinate kind belongs to them."""
        added: list[int] = []
        waiting = [i for i in ids if i not in self.selected and i not in self.excluded]
        while waiting:
            new = waiting.pop()
            if new in self.selected or new in self.excluded:
                continue
            self.selected.add(new)
            added.append(new)
            waiting.extend(c for c in self.children[new] if self.entries[c].type in SUBORDINATE_TYPES)
        return added

    def _needed_by(self, entry: Entry) -> Iterator[int]:
        yield from entry.depends_on
        yield from self.body_edges.get(entry.id, ())
        if entry.schema in self.schema_ids:
            yield self.schema_ids[entry.schema]

    def _is_implied(self, entry_id: int) -> bool:
        entry = self.entries[entry_id]
        return entry.type in IMPLIED_TYPES or self._is_companion(entry)

    def _is_companion(self, entry: Entry) -> bool:
        """Whether nobody can ask for it: an object of a kind without a selector."""
        return entry.type not in SUBORDINATE_TYPES | IMPLIED_TYPES and self.selectors.get(entry.kind) is None

    def _companions(self) -> list[int]:
        """Return what has no selector and is about selected objects alone: a cast between two selected types."""
        return [
            e.id
            for e in self.entries.values()
            if e.id not in self.selected and e.id not in self.excluded and self._is_companion(e)
            if self._is_about_selected(e)
        ]

    def _is_about_selected(self, entry: Entry) -> bool:
        about = [i for i in entry.depends_on if not self._is_implied(i)]
        return entry.type not in DATABASE_WIDE_TYPES and bool(about) and all(i in self.selected for i in about)

    # What is missing

    def _missing(self) -> Mapping[int, set[str]]:
        """Return the objects that would have to be selected as well, each with the selected ones that need it."""
        wanted: defaultdict[int, set[str]] = defaultdict(set)
        waiting = [
            (self._object_of(needed), name)
            for i in sorted(self.selected)
            for needed, name in self._lacks(self.entries[i])
        ]
        while waiting:
            target, name = waiting.pop()
            if name in wanted[target]:
                continue
            wanted[target].add(name)
            waiting.extend((self._object_of(n), name) for n in self._lacks_of(target))
        return dict(sorted(wanted.items()))

    def _lacks(self, entry: Entry) -> Iterator[tuple[int, str]]:
        """Yield what an entry needs and the selection has not, with who to name for it."""
        yield from ((i, entry.label) for i in entry.depends_on if i not in self.selected)
        for i in self.body_edges.get(entry.id, ()):
            if i not in self.selected and i not in self.excluded:
                yield i, f"{entry.label} (in its body)"

    def _lacks_of(self, target: int) -> tuple[int, ...]:
        """Return what would be lacking if an object were selected: what it and all that belongs to it need."""
        if target not in self.lacks_of_object:
            family = self._with_children({target})
            needs = {n for i in family for n, _ in self._lacks(self.entries[i])} - family
            lacking = tuple(n for n in sorted(needs) if not self._is_implied(n) or n in self.excluded)
            self.lacks_of_object[target] = lacking
        return self.lacks_of_object[target]

    def _object_of(self, entry_id: int) -> int:
        """Return what brings an entry along: the topmost object that it belongs to and that is not selected."""
        while (parent := self.parents.get(entry_id)) is not None and parent not in self.selected:
            entry_id = parent
        return entry_id

    def _include_line(self, entry_id: int) -> str:
        entry = self.entries[entry_id]
        line = include_line(*self._selecting(entry))
        if entry_id not in self.excluded:
            return line
        return f"# take out of exclude: {line}"

    def _selecting(self, entry: Entry) -> tuple[str, str]:
        selector = SCHEMA_SELECTOR if entry.type == "SCHEMA" else self.selectors.get(entry.kind)
        if selector is None:
            return SCHEMA_SELECTOR, entry.schema or entry.name
        return selector, names_of(entry)[0]

    def _closed_entries(self) -> Mapping[int, Entry]:
        """Return the selected entries; a need that is not selected is replaced by what that one needs."""
        found = self.all.only(lambda each: each.id in self.selected)
        changed = {
            at: replace(each, depends_on=self._selected_needs(each))
            for at, each in zip(found.positions, found, strict=True)
            if not self.selected.issuperset(each.depends_on)
        }
        return found.changing(changed).by_id()

    def _selected_needs(self, entry: Entry) -> tuple[int, ...]:
        needs: set[int] = set()
        seen: set[int] = set()
        waiting = list(entry.depends_on)
        while waiting:
            one = waiting.pop()
            if one in self.selected:
                needs.add(one)
            elif one not in seen:
                seen.add(one)
                waiting.extend(self.entries[one].depends_on)
        return tuple(sorted(needs - {entry.id}))


def choose_roles(selection: Selection, roles: Sequence[Role]) -> tuple[Role, ...]:
    """Return the roles to move: all of them for the entire instance, else those that the spec's patterns name.

    Raises:
        SpecError: a pattern names no role.
    """
    if selection.entire_instance:
        return tuple(roles)
    names = [role.name for role in roles]
    for pattern in selection.roles:
        if not any(matches(pattern, name) for name in names):
            close = nearest(pattern, names)
            raise SpecError(
                f"no role of the source is called {pattern}",
                hint=f"did you mean {' or '.join(close)}?" if close else None,
            )
    return tuple(role for role in roles if any(matches(p, role.name) for p in selection.roles))
