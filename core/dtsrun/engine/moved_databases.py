"""The databases that a task moves, and which of them a writer could still change something in.

A link follows a database's tables. One without a followed table has no link, yet its sequences, unlogged tables and
large objects are aligned at completion, and tables may be made in it: it is watched and fenced as the others are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from dtsrun.api import Connection
from dtsrun.plan import Plan
from dtsrun.watch.large_objects import has_large_objects

LARGE_OBJECTS: Final = "object.large_objects"
"""Completion looks for them in every database."""


@dataclass(frozen=True, slots=True)
class MovedDatabases:
    """What a plan moves."""

    kinds: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By database, the kinds of object that completion aligns in it."""

    @staticmethod
    def of(plan: Plan) -> MovedDatabases:
        """Read them from a plan."""
        kinds: dict[str, set[str]] = {}
        for step in plan.steps.values():
            if step.database is not None:
                kinds.setdefault(step.database, set()).update([step.plugin] if step.stage == "complete" else [])
        return MovedDatabases({name: frozenset(plugins) for name, plugins in kinds.items()})

    @property
    def names(self) -> Sequence[str]:
        """All of them."""
        return sorted(self.kinds)

    def to_fence(self, linked: Collection[str], source: Callable[[str], Connection]) -> Sequence[str]:
        """Return those that hold something which may change: a followed table, or what is aligned at completion.

        Args:
            linked: databases that links follow.
            source: gives a connection to a database of the source.

        Raises:
            psycopg.Error: the source does not answer.
        """
        return sorted({*linked, *(name for name in self.kinds if self._has_to_align(name, source))})

    def _has_to_align(self, database: str, source: Callable[[str], Connection]) -> bool:
        kinds = self.kinds[database]
        return bool(kinds - {LARGE_OBJECTS}) or (LARGE_OBJECTS in kinds and has_large_objects(source(database)))
