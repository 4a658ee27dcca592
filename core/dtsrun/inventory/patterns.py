"""Patterns of names, as the spec writes them: what they fit, what was meant by one that fits nothing, and its line."""

from __future__ import annotations

import difflib
import functools
import json
import re
from collections.abc import Iterable
from typing import Final

from dtsrun.api import Entry

_ROUTINES: Final = frozenset({"AGGREGATE", "FUNCTION", "PROCEDURE"})
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)+")
"""What YAML takes for a string without quotes, whatever it says; a single word may be `yes` or `null`."""


def matches(pattern: str, name: str) -> bool:
    """Return whether a name fits a pattern: `*` is any run of characters, `?` is one, all else is literal."""
    return _compiled(pattern).fullmatch(name) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    wildcards = {"*": ".*", "?": "."}
    return re.compile("".join(wildcards.get(c) or re.escape(c) for c in pattern), re.DOTALL)


def names_of(entry: Entry) -> tuple[str, ...]:
    """Return the names that a pattern may mean: `schema.name`, of a routine with its arguments and without."""
    full = f"{entry.schema}.{entry.name}" if entry.schema else entry.name
    if entry.type not in _ROUTINES or "(" not in entry.name:
        return (full,)
    return full, full[: full.index("(", len(entry.schema) if entry.schema else 0)]


def nearest(text: str, known: Iterable[str]) -> list[str]:
    """Return the known names that are closest to what was written, at most three."""
    return difflib.get_close_matches(text, sorted(known), n=3, cutoff=0.6)


def include_line(selector: str, text: str) -> str:
    """Return a line of `include` that YAML reads as what is meant."""
    return f"{{{selector}: {text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)}}}"
