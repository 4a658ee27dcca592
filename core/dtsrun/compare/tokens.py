"""SQL as the words it is made of, so that layout does not count and every literal counts byte by byte."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

Tokens = tuple[str, ...]

_TOKEN: Final = re.compile(
    r"""
      (?P<skipped> \s+ | --[^\n]* )
    | [eE]'(?:[^'\\]|\\.|'')*'                                          # a string with escapes
    | (?:[bBxXnN]|[uU]&)?'(?:[^']|'')*'                                 # any other string
    | (?P<dollar>\$(?:[^\W\d]\w*)?\$).*?(?P=dollar)                     # a body between dollars
    | (?:[uU]&)?"(?:[^"]|"")*"                                          # a quoted name
    | [^\W\d][\w$]*                                                     # a word
    | \d+(?:\.\d+)?(?:[eE][+-]?\d+)?                                    # a number
    | :: | [-+*/<>=~!@\#%^&|`?]+ | .                                    # an operator, or what stands alone
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(text: str) -> Tokens:
    """Return the words, literals and signs of SQL text; comments and white space are left out."""
    return tuple(match[0] for match in _TOKEN.finditer(text) if match["skipped"] is None)


def replaced(words: Tokens, old: Sequence[str], new: Sequence[str]) -> Tokens:
    """Return the words with each run that equals `old` put as `new`."""
    found: list[str] = []
    position = 0
    while position < len(words):
        if words[position : position + len(old)] == tuple(old):
            found.extend(new)
            position += len(old)
        else:
            found.append(words[position])
            position += 1
    return tuple(found)


def split(words: Tokens, separator: str) -> Iterator[Tokens]:
    """Yield the runs between separators that stand outside parentheses; empty ones are left out."""
    depth, begin = 0, 0
    for position, word in enumerate((*words, separator)):
        depth += (word == "(") - (word == ")")
        if word == separator and (depth == 0 or position == len(words)):
            if begin < position:
                yield words[begin:position]
            begin = position + 1


def is_name(word: str) -> bool:
    """Return whether a word can be a name, quoted or not."""
    return word[:1] == '"' or word[:1].isalpha() or word[:1] == "_"
