"""What an ACL of the dump comes to: who may do what in the end.

pg_dump writes an ACL as the shortest way from the default, and since version 17 the privilege MAINTAIN makes that way
another one. So the statements are played through, and what they lead to is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from dtsrun.api import Entry
from dtsrun.compare.tokens import Tokens, split, tokens

MAINTAIN_SINCE: Final = 17

PRIVILEGES: Final[Mapping[str, frozenset[str]]] = {
    "TABLE": frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN"}),
    "SEQUENCE": frozenset({"SELECT", "UPDATE", "USAGE"}),
    "SCHEMA": frozenset({"CREATE", "USAGE"}),
    "DATABASE": frozenset({"CREATE", "CONNECT", "TEMPORARY"}),
    "FUNCTION": frozenset({"EXECUTE"}),
    "PROCEDURE": frozenset({"EXECUTE"}),
    "LARGE": frozenset({"SELECT", "UPDATE"}),
}
"""All privileges of a kind of object; a kind that is not named has USAGE alone."""

COLUMN_PRIVILEGES: Final = frozenset({"SELECT", "INSERT", "UPDATE", "REFERENCES"})

OF_EVERYONE: Final[Mapping[str, frozenset[str]]] = {
    "DATABASE": frozenset({"CONNECT", "TEMPORARY"}),
    "FUNCTION": frozenset({"EXECUTE"}),
    "PROCEDURE": frozenset({"EXECUTE"}),
    "TYPE": frozenset({"USAGE"}),
    "LANGUAGE": frozenset({"USAGE"}),
}
"""What PUBLIC has by default (the manual, 5.8. Privileges)."""

PUBLIC_SCHEMA: Final = "SCHEMA public"


class Grant(NamedTuple):
    """One privilege that somebody has, and from whom."""

    grantor: str
    grantee: str
    privilege: str
    column: str
    grantable: bool


def effective(entry: Entry) -> frozenset[Grant] | None:
    """Return what an entry of type ACL or DEFAULT ACL leads to; None where a statement of it is of an unknown form."""
    owner = grantor = entry.owner or ""
    held = set(default(entry))
    for statement in map(_bare, split(tokens(entry.sql), ";")):
        if statement[:3] == ("SET", "SESSION", "AUTHORIZATION"):
            grantor = _name(statement[3].strip("'"))
        elif statement == ("RESET", "SESSION", "AUTHORIZATION"):
            grantor = owner
        elif statement[0] in ("GRANT", "REVOKE") and "ON" in statement:
            held = _apply(held, statement, grantor, _privileges_of(entry))
        else:
            return None
    return frozenset(held)


def default(entry: Entry) -> frozenset[Grant]:
    """Return what holds where there is no such entry; default privileges in a schema come on top of the others."""
    if entry.type == "DEFAULT ACL" and entry.schema:
        return frozenset()
    owner, kind = entry.owner or "", _kind(entry)
    # Since version 15 everyone may use the schema public, not create in it; pg_dump counts from there.
    everyone = frozenset({"USAGE"}) if entry.name == PUBLIC_SCHEMA else OF_EVERYONE.get(kind, frozenset())
    return frozenset(
        Grant(owner, grantee, privilege, "", False)
        for grantee, privileges in ((owner, _privileges_of(entry)), ("PUBLIC", everyone))
        for privilege in privileges
    )


def without_maintain(grants: frozenset[Grant]) -> frozenset[Grant]:
    """Return the grants that a server before version 17 can have."""
    return frozenset(grant for grant in grants if grant.privilege != "MAINTAIN")


def _privileges_of(entry: Entry) -> frozenset[str]:
    return PRIVILEGES.get(_kind(entry), frozenset({"USAGE"}))


def _kind(entry: Entry) -> str:
    """`TABLE orders` and `DEFAULT PRIVILEGES FOR TABLES` -> `TABLE`."""
    if entry.type == "DEFAULT ACL":
        return entry.name.rpartition(" ")[2].removesuffix("S")
    return entry.name.partition(" ")[0]


def _bare(statement: Tokens) -> Tokens:
    """Return the GRANT or REVOKE inside ALTER DEFAULT PRIVILEGES."""
    if statement[:3] != ("ALTER", "DEFAULT", "PRIVILEGES"):
        return statement
    return statement[min(statement.index(word) for word in ("GRANT", "REVOKE") if word in statement) :]


def _apply(held: set[Grant], statement: Tokens, grantor: str, privileges: frozenset[str]) -> set[Grant]:
    on = statement.index("ON")
    only_option = statement[1:4] == ("GRANT", "OPTION", "FOR")
    named = _named(statement[4 if only_option else 1 : on], privileges)
    preposition = "TO" if statement[0] == "GRANT" else "FROM"
    last = len(statement) - 1 - statement[::-1].index(preposition)
    grantee = _name(statement[last + 1])
    grantable = statement[last + 2 :] == ("WITH", "GRANT", "OPTION")
    touched = {(grantor, grantee, privilege, column) for privilege, column in named}
    left = {grant for grant in held if grant[:4] not in touched}
    if statement[0] == "GRANT":
        return left | {Grant(*each, grantable) for each in touched}
    if only_option:
        return left | {grant._replace(grantable=False) for grant in held - left}
    return left


def _named(words: Tokens, privileges: frozenset[str]) -> Iterator[tuple[str, str]]:
    for item in split(words, ","):
        if "(" not in item:
            name = " ".join(item)
            yield from ((each, "") for each in (privileges if name == "ALL" else {name}))
            continue
        named = COLUMN_PRIVILEGES if item[0] == "ALL" else {item[0]}
        for column in split(item[2:-1], ","):
            yield from ((each, _name(column[0])) for each in named)


def _name(word: str) -> str:
    return word[1:-1].replace('""', '"') if word.startswith('"') else word
