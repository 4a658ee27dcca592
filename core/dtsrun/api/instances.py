"""Servers known by the id that their provider gave them, and how an inventory provider tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

InstanceKind = Literal["machine", "database"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WantedInstance:
    """What an access type looks up: a virtual machine, or a managed database, by its id."""

    id: str
    region: str
    kind: InstanceKind
    role: str | None = None
    """What to act as where the instance belongs to another account; None for one of our own."""

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """What an inventory provider knows of an instance."""

    id: str
    region: str
    addresses: tuple[str, ...]
    """Private addresses or names, the main one first; never empty."""
    port: int | None = None
    """Of PostgreSQL; None where the provider does not know it, as for a machine."""
    network: str | None = None
    """Id of the private network that it is in."""
    account: str | None = None
    """Who owns it."""
