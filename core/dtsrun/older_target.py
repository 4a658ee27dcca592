"""What a newer pg_dump writes and an older target does not understand, said in words that it does.

Only what means the same, or what the target has no notion of at all: the rest is refused by the target and named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from dtsrun.api import Entry

Rewrite = Callable[[str], str]

_NAME: Final = r'(?:"(?:[^"]|"")*"|[^\s",.()]+)'
_GRANTING: Final = re.compile(
    rf"^(?P<before>(?:ALTER DEFAULT PRIVILEGES FOR ROLE {_NAME}(?: IN SCHEMA {_NAME})? )?"
    r"(?:GRANT|REVOKE(?: GRANT OPTION FOR)?) )(?P<privileges>[A-Z]+(?:,[A-Z]+)*)(?P<after> ON .*)$",
    re.MULTILINE,
)
_MULTIRANGE: Final = re.compile(rf",\s*multirange_type_name = {_NAME}(?:\.{_NAME})?")


class _Rule(NamedTuple):
    since: int
    types: frozenset[str]
    rewrite: Rewrite
    lost: str | None
    """What the target does not get; None: it means the same."""


def for_target(entry: Entry, statements: Sequence[str], major: int) -> tuple[list[str], list[str]]:
    """Return statements as a target of a version takes them, and what they say no more.

    Args:
        major: version of the target.
    """
    made, lost = list(statements), []
    for rule in _RULES:
        if major >= rule.since or entry.type not in rule.types:
            continue
        plain = [rule.rewrite(statement) for statement in made]
        if plain != made and rule.lost:
            lost.append(f"{rule.lost}, which came with version {rule.since}")
        made = [statement for statement in plain if statement.strip()]
    return made, lost


def _without_maintain(statement: str) -> str:
    return _GRANTING.sub(_without, statement)


def _without(found: re.Match[str]) -> str:
    kept = [word for word in found["privileges"].split(",") if word != "MAINTAIN"]
    return f"{found['before']}{','.join(kept)}{found['after']}" if kept else ""


def _without_multirange(statement: str) -> str:
    return _MULTIRANGE.sub("", statement)


_RULES: Final[Sequence[_Rule]] = (
    _Rule(17, frozenset({"ACL", "DEFAULT ACL"}), _without_maintain, "is without the privilege MAINTAIN"),
    _Rule(14, frozenset({"TYPE"}), _without_multirange, "is without its multirange type"),
)
