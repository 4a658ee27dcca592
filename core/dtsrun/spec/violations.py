"""What is wrong with a spec: all of it at once, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from dtsrun.errors import SpecError

SHOWN_AT_MOST: Final = 50
"""Violations listed in the message; a document that is wrong all over needs no longer list."""


@dataclass(frozen=True, slots=True, order=True)
class Violation:
    """One thing that is wrong. Sorts by its place."""

    file: str
    line: int
    """Counts from 1."""
    column: int
    """Counts from 1."""
    path: str
    """JSON pointer of what is meant: `/source/access/port`; empty for the document as a whole."""
    message: str
    """What was expected and what was found; never a secret's value."""
    hint: str = ""
    """The remedy, where it is not plain from the message."""

    def __str__(self) -> str:
        subject = f"{self.path}: " if self.path else ""
        return f"{self.file}:{self.line}:{self.column}: {subject}{self.message}"


class InvalidSpec(SpecError):
    """The spec, or a policy that it names, has violations; the message lists them by place."""

    def __init__(self, path: str, violations: Iterable[Violation]) -> None:
        self.violations = tuple(sorted(set(violations)))
        hint = next((violation.hint for violation in self.violations if violation.hint), None)
        super().__init__(_headline(self.violations), where=path, hint=hint)

    def __reduce__(self) -> tuple[object, ...]:
        return (InvalidSpec, (self.where, self.violations))


def pointer(path: Sequence[str | int]) -> str:
    """Return a path as a JSON pointer (RFC 6901)."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _headline(violations: Sequence[Violation]) -> str:
    count = len(violations)
    lines = [f"{count} violation{'' if count == 1 else 's'}", *map(str, violations[:SHOWN_AT_MOST])]
    if count > SHOWN_AT_MOST:
        lines.append(f"and {count - SHOWN_AT_MOST} more")
    return "\n".join(lines)
