"""The definitions of a database on both ends: what is missing, what is too much, and what is not the same."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dtsrun.api import Difference, Entry, StepContext, StepResult
from dtsrun.compare.grants import default, effective, without_maintain
from dtsrun.compare.spelling import OPERATOR_TYPES, Versions, canonical, same, with_operator_families
from dtsrun.compare.tokens import Tokens
from dtsrun.pairs import Pairs

MARKS_SCHEMA: Final = "_dtsrun"
"""Our own memory on the target."""

ACLS: Final = frozenset({"ACL", "DEFAULT ACL"})

OF_DATABASE: Final = frozenset({"DATABASE", "DATABASE PROPERTIES"})

OWNED_WITH_ANOTHER: Final = frozenset(
    {
        "ACL",
        "CHECK CONSTRAINT",
        "COMMENT",
        "CONSTRAINT",
        "DEFAULT",
        "DEFAULT ACL",
        "FK CONSTRAINT",
        "INDEX",
        "INDEX ATTACH",
        "POLICY",
        "PUBLICATION TABLE",
        "PUBLICATION TABLES IN SCHEMA",
        "ROW SECURITY",
        "RULE",
        "SECURITY LABEL",
        "SEQUENCE OWNED BY",
        "TABLE ATTACH",
        "TRIGGER",
    }
)
"""Entries that carry the owner of the object they belong to."""

ACCESS_METHODS_SINCE: Final = 12
MAINTAIN_SINCE: Final = 17
OWNED_PUBLIC_SINCE: Final = 15

SHOWN_CHARACTERS: Final = 500

Place = tuple[str, str | None, str, str | None]
"""What names an entry on both ends: type, schema, name, and for default privileges the role."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both ends' definitions."""

    database: str
    versions: Versions
    labels: frozenset[str] | None
    """Entries of the source that count; None: all, and the target must hold no others."""
    ignored: frozenset[str]
    renamed: Mapping[str, str]
    tablespaces: Mapping[str, str] | None
    """Names on the target by those on the source; what is not in it lies in the default one. None: not compared."""
    late: frozenset[str] = frozenset()
    """Labels of foreign keys that may be missing or NOT VALID on the target by now, and their comments with them."""


def compare_definitions(context: StepContext) -> StepResult:
    """Compare the definitions of one database.

    The step's args: `labels` of the entries that count, or None for the whole database, where the target must hold no
    others; `rename`, names of databases on the target by those on the source; `tablespaces`, names on the target by
    those on the source, or None to leave them out; `ignore`, labels that do not count on either end; `late`, labels of
    foreign keys that completion makes whole.
    """
    args, database = context.step.args, context.step.database
    assert database is not None
    labels = args.get("labels")
    comparison = Comparison(
        database=database,
        versions=Versions(context.facts("source").major, context.facts("target").major),
        labels=None if labels is None else frozenset(labels),
        ignored=frozenset(args.get("ignore") or ()),
        renamed=args.get("rename") or {},
        tablespaces=args.get("tablespaces"),
        late=frozenset(args.get("late") or ()),
    )
    source, target = context.dump("source", database), context.dump("target", database)
    return StepResult(differences=tuple(differences(comparison, source, target)), detail={"definitions": len(source)})


def differences(comparison: Comparison, source: Sequence[Entry], target: Sequence[Entry]) -> list[Difference]:
    """Return what is not equal, in the order of the source's dump; then what the target alone has, in its own.

    Definitions are looked at as they are compared: of 100,000 tables they are more than a runner should hold.
    """
    comparison = _with_comments_of_late(comparison, source)
    ours = _End(comparison.versions, source, comparison.renamed)
    theirs = _End(comparison.versions, target, {})
    found: list[Difference] = []
    for number, entry in enumerate(source):
        place = _place(entry, comparison.renamed)
        positions = ours.positions(place)
        if positions[0] != number:
            continue  # it was compared with the first one of its name
        chosen = [each for each in map(source.__getitem__, positions) if _counts(comparison, each)]
        if chosen:
            found += _of_place(comparison, ours, theirs, chosen, theirs.at(place))
    if comparison.labels is None:
        extra = (e for e in target if _is_extra(comparison, e) and not ours.positions(_place(e, {})))
        found += [_extra(comparison, e) for e in extra if not _is_implied(comparison, theirs, e)]
    return found


def _with_comments_of_late(comparison: Comparison, source: Sequence[Entry]) -> Comparison:
    if not comparison.late:
        return comparison
    ids = {entry.id for entry in source if entry.label in comparison.late}
    said = (entry.label for entry in source if entry.type == "COMMENT" and ids & {*entry.depends_on})
    return replace(comparison, late=comparison.late.union(said))


class _End:
    """One end's entries, by what names them on the target."""

    def __init__(self, versions: Versions, entries: Sequence[Entry], renamed: Mapping[str, str]) -> None:
        self.database_owner = next((e.owner for e in entries if e.type == "DATABASE"), None)
        self._versions = versions
        self._entries = entries
        self._renamed = renamed
        # Places of one hash are told apart by what they are.
        self._numbers = Pairs((_half(_place(e, renamed)), n) for n, e in enumerate(entries))
        members = [(e, self._canonical(e)) for e in entries if e.type in OPERATOR_TYPES]
        self._operators = with_operator_families(members, versions)

    def positions(self, place: Place) -> list[int]:
        """Return where the entries of a name stand, in the dump's order."""
        return [n for n in self._numbers.of(_half(place)) if _place(self._entries[n], self._renamed) == place]

    def at(self, place: Place) -> list[Entry]:
        """Return the entries of a name."""
        return [self._entries[n] for n in self.positions(place)]

    def words(self, entry: Entry) -> Tokens:
        """Return an entry's canonical definition."""
        known = self._operators.get(entry.id)
        return self._canonical(entry) if known is None else known

    def _canonical(self, entry: Entry) -> Tokens:
        return _named_databases(canonical(entry, self._versions), self._renamed)

    def owner(self, entry: Entry) -> str | None:
        """Return the owner of an object; since version 15 the schema public belongs to whoever owns the database."""
        return self.database_owner if entry.owner == "pg_database_owner" else entry.owner


def _half(place: Place) -> int:
    return hash(place) & 0xFFFFFFFF


def _place(entry: Entry, renamed: Mapping[str, str]) -> Place:
    name = entry.name
    if entry.type in OF_DATABASE:
        name = renamed.get(name, name)
    elif name.startswith("DATABASE ") and entry.schema is None:
        # Here, unlike elsewhere, pg_dump quotes a name that has to be.
        own = _unquoted(name.removeprefix("DATABASE "))
        name = f"DATABASE {renamed.get(own, own)}"
    return entry.type, entry.schema, name, entry.owner if entry.type == "DEFAULT ACL" else None


def _named_databases(words: Tokens, renamed: Mapping[str, str]) -> Tokens:
    """Put a database's name on the target for its own."""
    if "DATABASE" not in words:
        return words
    return tuple(_database(w, renamed) if n and words[n - 1] == "DATABASE" else w for n, w in enumerate(words))


def _database(word: str, renamed: Mapping[str, str]) -> str:
    name = _unquoted(word)
    return '"' + renamed.get(name, name).replace('"', '""') + '"'


def _unquoted(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word


def _counts(comparison: Comparison, entry: Entry) -> bool:
    wanted = comparison.labels is None or entry.label in comparison.labels
    return wanted and entry.label not in comparison.ignored and not _is_left_out(entry)


def _is_left_out(entry: Entry) -> bool:
    """Return whether an entry is of our own making, or says who may do what with the database: that is compared where
    the database itself is, which knows of fences."""
    is_ours = entry.schema == MARKS_SCHEMA or entry.name in (MARKS_SCHEMA, f"SCHEMA {MARKS_SCHEMA}")
    return is_ours or (entry.type == "ACL" and entry.schema is None and entry.name.startswith("DATABASE "))


def _is_extra(comparison: Comparison, entry: Entry) -> bool:
    return not (_is_left_out(entry) or entry.label in comparison.ignored or _says_nothing(entry))


def _says_nothing(entry: Entry) -> bool:
    """Return whether an ACL entry leads to what holds without it."""
    return entry.type in ACLS and effective(entry) == default(entry)


def _of_place(
    comparison: Comparison, ours: _End, theirs: _End, source: Sequence[Entry], target: Sequence[Entry]
) -> Iterable[Difference]:
    """Compare entries of one name. There can be several, since an operator's name leaves out its arguments."""
    left = list(target)
    unequal: list[Entry] = []
    for entry in source:
        other = next((o for o in left if _is_same(comparison, ours, theirs, entry, o)), None)
        if other is None:
            unequal.append(entry)
        else:
            left.remove(other)
            yield from _properties(comparison, ours, theirs, entry, other)
    for entry, other in zip(unequal, left, strict=False):
        if entry.label in comparison.late and _is_unvalidated(ours.words(entry), theirs.words(other)):
            continue
        yield _definition(comparison, ours, theirs, entry, other)
        yield from _properties(comparison, ours, theirs, entry, other)
    for entry in unequal[len(left) :]:
        if not (_says_nothing(entry) or _is_implied(comparison, ours, entry) or entry.label in comparison.late):
            yield _difference(comparison, entry, "missing", "present", "missing")
    if comparison.labels is None:
        yield from (_extra(comparison, other) for other in left[len(unequal) :])


def _is_same(comparison: Comparison, ours: _End, theirs: _End, entry: Entry, other: Entry) -> bool:
    if _is_verbatim(entry, other) or same(ours.words(entry), theirs.words(other), entry, comparison.versions):
        return True
    if entry.type not in ACLS:
        return False
    grants = [effective(each) for each in (entry, other)]
    if comparison.versions.crosses(MAINTAIN_SINCE):
        grants = [None if each is None else without_maintain(each) for each in grants]
    return grants[0] is not None and grants[0] == grants[1]


def _is_unvalidated(source: Tokens, target: Tokens) -> bool:
    """Return whether the target's foreign key is that of the source, but not looked up yet."""
    return target == (*source[:-1], "NOT", "VALID", source[-1])


def _is_verbatim(entry: Entry, other: Entry) -> bool:
    """Return whether both ends write the same, which spares the reading of it: most definitions of most databases.

    Names of databases may be others on the target, and what stands in operator families is looked at together.
    """
    if entry.type in OPERATOR_TYPES:
        return False
    text = entry.sql
    return text == other.sql and "DATABASE" not in text


def _is_implied(comparison: Comparison, end: _End, entry: Entry) -> bool:
    """Return whether a server holds an entry without saying so: the schema public under the database's owner."""
    public = entry.type == "SCHEMA" and entry.name == "public"
    return public and comparison.versions.crosses(OWNED_PUBLIC_SINCE) and end.owner(entry) == end.database_owner


def _properties(comparison: Comparison, ours: _End, theirs: _End, entry: Entry, other: Entry) -> Iterable[Difference]:
    """Compare what stands beside the definition."""
    if entry.type not in OWNED_WITH_ANOTHER and ours.owner(entry) != theirs.owner(other):
        yield _difference(comparison, entry, "owner", entry.owner or "", other.owner or "")
    if comparison.tablespaces is not None and entry.type not in OF_DATABASE:
        expected = comparison.tablespaces.get(entry.tablespace or "")
        if expected != other.tablespace:
            shown = [name or "the default one" for name in (expected, other.tablespace)]
            yield _difference(comparison, entry, "tablespace", *shown)
    if _access_method(comparison, entry) != _access_method(comparison, other):
        yield _difference(comparison, entry, "access method", entry.access_method or "", other.access_method or "")


def _access_method(comparison: Comparison, entry: Entry) -> str | None:
    """Before version 12 all tables were heaps, and none said so."""
    if comparison.versions.crosses(ACCESS_METHODS_SINCE) and entry.access_method == "heap":
        return None
    return entry.access_method


def _definition(comparison: Comparison, ours: _End, theirs: _End, entry: Entry, other: Entry) -> Difference:
    source, target = _differing_lines(entry.sql, other.sql)
    reordered = entry.type == "TABLE" and sorted(ours.words(entry)) == sorted(theirs.words(other))
    note = "the same columns in another order" if reordered else None
    return _difference(comparison, entry, "definition", source, target, note)


def _differing_lines(source: str, target: str) -> tuple[str, str]:
    lines = list(difflib.ndiff(source.splitlines(), target.splitlines()))
    ours, theirs = ("\n".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return _short(ours), _short(theirs)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"


def _extra(comparison: Comparison, entry: Entry) -> Difference:
    return _difference(comparison, entry, "extra", "missing", "present")


def _difference(
    comparison: Comparison, entry: Entry, aspect: str, source: str, target: str, note: str | None = None
) -> Difference:
    return Difference(
        database=comparison.database, object=entry.label, aspect=aspect, source=source, target=target, note=note
    )
