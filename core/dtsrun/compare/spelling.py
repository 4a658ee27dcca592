"""One definition, written by servers of different versions.

What a server writes of a definition is its own spelling: a definition that was moved from an older to a newer server
comes back in other words. Each rule here takes away one such difference, and only where the two versions lie on either
side of the release that made it. The rules were found by moving PostgreSQL's own regression database, and definitions
of every other form, from versions 10 to 17 to 18 and looking at what came back otherwise.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from dtsrun.api import Entry
from dtsrun.compare.tokens import Tokens, is_name, replaced, split, tokens

Rewrite = Callable[[Tokens], Tokens]


@dataclass(frozen=True, slots=True)
class Versions:
    """The major versions of both ends."""

    source: int
    target: int

    def crosses(self, release: int) -> bool:
        """Return whether one end is older than a release and the other is not."""
        return min(self.source, self.target) < release <= max(self.source, self.target)

    @property
    def differ(self) -> bool:
        """Whether the ends are of two versions."""
        return self.source != self.target


def canonical(entry: Entry, versions: Versions) -> Tokens:
    """Return an entry's definition in words that do not depend on the version that wrote it."""
    words = tokens(entry.sql)
    for rewrite in _ALWAYS.get(entry.type, ()):
        words = rewrite(words)
    if versions.differ:
        words = _plain_names(_bit_constants(words))
    for release, types, rewrite in _SINCE:
        if versions.crosses(release) and entry.type in types:
            words = rewrite(words)
    return words


def same(source: Tokens, target: Tokens, entry: Entry, versions: Versions) -> bool:
    """Return whether two canonical definitions of an entry's type mean the same."""
    if source == target:
        return True
    if entry.type not in _WITH_QUERIES or not versions.crosses(_BARE_COLUMNS_SINCE):
        return False
    older, newer = (source, target) if versions.source < versions.target else (target, source)
    return _same_but_qualifiers(older, newer)


def _same_but_qualifiers(older: Tokens, newer: Tokens) -> bool:
    """Since version 16 the columns of a query over one relation stand without its name.

    In such a query no other name can stand before a column, so the older text may have one and the same name more,
    before columns that the newer text has alone; anything else is a difference.
    """
    qualifier: str | None = None
    position = 0
    index = 0
    while index < len(older):
        word, following = older[index], older[index + 1 : index + 2]
        here = newer[position : position + 2]
        if is_name(word) and following == (".",) and here != (word, ".") and qualifier in (None, word):
            qualifier = word
            index += 2
            continue
        if here[:1] != (word,):
            return False
        qualifier = None if word == ";" else qualifier
        index += 1
        position += 1
    return position == len(newer)


def _bit_constants(words: Tokens) -> Tokens:
    """Versions before 11 write B'101'::"bit", and a varying one without the cast that reading it back brings."""
    plain = tuple(word[1:] if word.startswith("B'") else word for word in words)
    for index in [n for n, word in enumerate(plain) if word == "varying"][::-1]:
        run = plain[index - 7 : index + 1]
        if run[:1] + run[2:] == ("(", "::", '"bit"', ")", "::", "bit", "varying"):
            plain = (*plain[: index - 7], run[1], "::", "bit", "varying", *plain[index + 1 :])
    return plain


def _plain_names(words: Tokens) -> Tokens:
    """A word that became a keyword is quoted from then on. `"char"` and `"bit"` are types other than those unquoted."""
    return tuple(w[1:-1] if _PLAIN_QUOTED.fullmatch(w) and w not in ('"char"', '"bit"') else w for w in words)


def _without_slot(words: Tokens) -> Tokens:
    """A subscription arrives without its slot; whether it is enabled is not in its definition."""
    return _without_option(words, "slot_name")


def _without_tablespace(words: Tokens) -> Tokens:
    """The database's own tablespace; those of its tables are not part of their definitions."""
    return _without_option(words, "TABLESPACE")


def _without_multirange(words: Tokens) -> Tokens:
    """Before version 14 a range type had no multirange type; the name that it gets is chosen by the server."""
    return _without_option(words, "multirange_type_name")


def _without_option(words: Tokens, option: str) -> Tokens:
    """Take away `option = value` and a comma beside it."""
    if option not in words:
        return words
    begin = words.index(option)
    end = begin + 3
    while words[end : end + 1] == (".",):
        end += 2
    if words[begin - 1] == ",":
        begin -= 1
    elif words[end : end + 1] == (",",):
        end += 1
    return words[:begin] + words[end:]


def _sorted_statements(words: Tokens) -> Tokens:
    """Settings of a database come in the order in which they were made, which means nothing."""
    statements: list[Tokens] = sorted(split(words, ";"))
    return tuple(word for statement in statements for word in (*statement, ";"))


def _sorted_roles(words: Tokens) -> Tokens:
    """The roles of a policy come in the order in which they lie in the server's catalog, which means nothing."""
    if "TO" not in words:
        return words
    begin = words.index("TO") + 1
    end = next((n for n in range(begin, len(words)) if words[n] in ("USING", "WITH", ";")), len(words))
    roles = sorted(word for word in words[begin:end] if word != ",")
    return (*words[:begin], *roles, *words[end:])


def _trigger_function(words: Tokens) -> Tokens:
    return replaced(words, ("EXECUTE", "PROCEDURE"), ("EXECUTE", "FUNCTION"))


def _rounded_costs(words: Tokens) -> Tokens:
    """COST and ROWS are float4, with as many digits as the version writes."""
    return tuple(_float4(word) if n and words[n - 1] in ("COST", "ROWS") else word for n, word in enumerate(words))


def _float4(word: str) -> str:
    try:
        return repr(struct.unpack("f", struct.pack("f", float(word)))[0])
    except (ValueError, OverflowError):
        return word


def _argument_modes(words: Tokens) -> Tokens:
    """Since version 14 the arguments of procedures stand with their mode IN."""
    return tuple(w for n, w in enumerate(words) if not (w == "IN" and n and words[n - 1] in ("(", ",")))


def _serialized(words: Tokens) -> Tokens:
    return replaced(words, ("NO", "INDENT"), ())


def _root_locale(words: Tokens) -> Tokens:
    return replaced(words, ("locale", "=", "''"), ("locale", "=", "'und'"))


def _unnamed_not_null(words: Tokens) -> Tokens:
    """Since version 18 a NOT NULL has a name; that of one which had none is chosen by the server."""
    found = list(words)
    for n in range(len(found) - 4, -1, -1):
        if found[n] == "CONSTRAINT" and found[n + 2 : n + 4] == ["NOT", "NULL"]:
            del found[n : n + 2]
    return tuple(found)


_PLAIN_QUOTED: Final = re.compile(r'"[a-z_][a-z0-9_$]*"')

_BARE_COLUMNS_SINCE: Final = 16
_WITH_QUERIES: Final = frozenset({"VIEW", "MATERIALIZED VIEW", "RULE", "FUNCTION", "PROCEDURE"})

_ALWAYS: Final[Mapping[str, tuple[Rewrite, ...]]] = {
    "SUBSCRIPTION": (_without_slot,),
    "DATABASE": (_without_tablespace,),
    "POLICY": (_sorted_roles,),
    "DATABASE PROPERTIES": (_sorted_statements,),
}

_SINCE: Final[tuple[tuple[int, frozenset[str], Rewrite], ...]] = (
    (12, frozenset({"TRIGGER"}), _trigger_function),
    (12, frozenset({"FUNCTION", "PROCEDURE"}), _rounded_costs),
    (14, frozenset({"TYPE"}), _without_multirange),
    (14, frozenset({"PROCEDURE"}), _argument_modes),
    (16, _WITH_QUERIES, _serialized),
    (16, frozenset({"COLLATION"}), _root_locale),
    (18, frozenset({"TABLE", "FOREIGN TABLE", "DOMAIN"}), _unnamed_not_null),
)
"""Since which release, of which types of entry, and what takes the difference away."""

_FAMILY_MEMBERS_SINCE: Final = 14


OPERATOR_TYPES: Final = frozenset({"OPERATOR CLASS", "OPERATOR FAMILY"})


def with_operator_families(entries: Collection[tuple[Entry, Tokens]], versions: Versions) -> Mapping[int, Tokens]:
    """Return the canonical definitions of operator classes and families by entry id, made comparable.

    Since version 14 an operator or function that a class does not need belongs to the family, however it was made: so
    members of a class count as the family's.
    """
    found = {entry.id: words for entry, words in entries}
    if not versions.crosses(_FAMILY_MEMBERS_SINCE):
        return found
    families: dict[Tokens, tuple[int, set[Tokens]]] = {}
    for entry, words in entries:
        if entry.type == "OPERATOR FAMILY":
            families[_family(words)] = entry.id, _added(words)
    for entry, words in entries:
        if entry.type == "OPERATOR CLASS" and _family_of_class(words) in families:
            header, members, storage = _class_parts(words)
            families[_family_of_class(words)][1].update(members)
            found[entry.id] = (*header, *storage)
    for name, (number, members) in families.items():
        found[number] = (*name, *(word for member in sorted(members) for word in member))
    return found


def _family(words: Tokens) -> Tokens:
    """`CREATE OPERATOR FAMILY a.b USING hash ;` -> `a.b USING hash`."""
    return next(split(words, ";"))[3:]


def _added(words: Tokens) -> set[Tokens]:
    members: set[Tokens] = set()
    for statement in split(words, ";"):
        if "ADD" in statement:
            members.update(split(statement[statement.index("ADD") + 1 :], ","))
    return members


def _family_of_class(words: Tokens) -> Tokens:
    using, family, begin = words.index("USING"), words.index("FAMILY"), words.index("AS")
    return (*words[family + 1 : begin], *words[using : using + 2])


def _class_parts(words: Tokens) -> tuple[Tokens, set[Tokens], Tokens]:
    begin = words.index("AS")
    items = list(split(next(split(words, ";"))[begin + 1 :], ","))
    storage = [item for item in items if item[0] == "STORAGE"]
    return words[:begin], set(items) - set(storage), tuple(word for item in storage for word in item)
