"""Text on standard output: in colour where a terminal shows it, letter for letter the same everywhere."""

from __future__ import annotations

import sys
from typing import Final, TextIO

STYLES: Final = {
    "report.title": "bold",
    "report.good": "green",
    "report.warn": "yellow",
    "report.bad": "bold red",
    "report.quiet": "dim",
}

MARKED: Final = (
    r"(?:\A|\n\n)(?P<title>\S[^\n]*)",
    r"(?m)^(?:\S.*: |\S+ +)(?P<good>succeeded|check passed)\b",
    r"(?m)^(?:\S.*: |\S+ +)(?P<bad>failed|check failed)\b",
    r"(?m)^ +(?P<bad>FAILED)\b",
    r"(?m)^ +(?P<warn>ALARM|UNDETERMINED)\b",
    r"(?m)^ +(?P<quiet>passed|skipped)\b",
    r"(?m)^  (?P<good>no difference)$",
    r"(?m)^(?:source|target) +\w+ +(?P<good>ok)\b",
    r"(?m)^(?:source|target) +\w+ +(?P<bad>failed)\b",
)
"""Titles, and the words that say how it went; the group names the style."""


def show(text: str, stream: TextIO | None = None) -> None:
    """Print text, never wrapped or cut: what is shown can be copied and searched for."""
    out = stream or sys.stdout
    if not out.isatty():
        out.write(f"{text}\n")
        out.flush()
        return
    _show_in_colour(text, out)


def _show_in_colour(text: str, out: TextIO) -> None:
    # What colours costs more to import than most commands to run.
    from rich.console import Console
    from rich.highlighter import RegexHighlighter
    from rich.theme import Theme

    class Marker(RegexHighlighter):
        base_style = "report."
        highlights = list(MARKED)

    console = Console(file=out, theme=Theme(STYLES), highlighter=Marker())
    console.print(text, markup=False, emoji=False, soft_wrap=True)
