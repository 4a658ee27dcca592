"""What the spec asks to move: the whole instance, or chosen objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Pattern:
    """`{table: "public.order_*"}`. `*` is any run of characters, `?` is one; all else is literal and case-sensitive."""

    selector: str
    """The word before the colon: `schema`, or an object kind's selector such as `table`."""
    text: str
    place: str | None = None
    """file:line:column, for messages."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseSelection:
    """What to move of one database."""

    name: str
    target: str
    """Its name on the target."""
    include: tuple[Pattern, ...] = ()
    """Empty: everything."""
    exclude: tuple[Pattern, ...] = ()
    rows: Mapping[str, str | None] = field(default_factory=dict)
    """`schema.table` -> a boolean SQL expression, or None for no rows at all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The whole of `migration.objects`."""

    entire_instance: bool
    databases: Mapping[str, DatabaseSelection] = field(default_factory=dict)
    """By source name; empty for the entire instance."""
    roles: tuple[str, ...] = ()
    """Patterns of role names; for the entire instance every role is meant."""

    def target_name(self, database: str) -> str:
        """Return the target's name of a source database."""
        chosen = self.databases.get(database)
        return chosen.target if chosen else database
