"""Plain text in aligned columns: the form that a terminal, a mail and grep all read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from textwrap import wrap

WIDTH = 100
"""Columns at which prose is wrapped. Tables are never cut: a name that is not whole cannot be searched for."""
_COMMAND = re.compile(r"`[^`]+`")
_HELD = "\0"
"""A blank at which no line ends: no text of a server or of the system can hold this character."""
_FIGURE = re.compile(r"^(-|[\d,.]+( ?[A-Za-z%/]+( \d+ [a-z]+)?)?)$")


def columns(rows: Iterable[Sequence[str]], *, headers: Sequence[str] = (), indent: int = 2) -> list[str]:
    """Return lines with the cells of each column aligned: columns of figures to the right, all others to the left."""
    body = [tuple(row) for row in rows]
    if not body:
        return []
    table = [tuple(headers), *body] if headers else body
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    figures = [all(_FIGURE.match(cell) or not cell for cell in column) for column in zip(*body, strict=True)]
    return [_line(row, widths, figures, indent) for row in table]


def _line(row: Sequence[str], widths: Sequence[int], figures: Sequence[bool], indent: int) -> str:
    cells = (
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(row, widths, figures, strict=True)
    )
    return (" " * indent + "  ".join(cells)).rstrip()


def paragraph(text: str, *, indent: int = 2, label: str = "") -> list[str]:
    """Return wrapped lines; a label stands before the first, and the others hang below the text.

    What stands in backquotes is to be copied, and stays on one line.
    """
    first = " " * indent + label
    lines: list[str] = []
    for part in text.splitlines() or [""]:
        start = first if not lines else " " * len(first)
        wrapped = wrap(
            _COMMAND.sub(lambda command: command[0].replace(" ", _HELD), part),
            WIDTH,
            initial_indent=start,
            subsequent_indent=" " * len(first),
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += [line.replace(_HELD, " ") for line in wrapped]
    return lines


def section(title: str, lines: Sequence[str]) -> list[str]:
    """Return a titled block after an empty line; nothing where there is nothing to say."""
    return ["", title, *lines] if lines else []
