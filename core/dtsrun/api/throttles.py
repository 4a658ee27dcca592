"""What copies give way to: signals of a server's health that plugins read while rows move."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from dtsrun.api.contexts import Connection
from dtsrun.api.inventory import ServerFacts
from dtsrun.api.plugins import Plugin
from dtsrun.api.routes import Side


class Advice(StrEnum):
    """What a signal asks of the copies, the mildest first."""

    GO = "go"
    SLOW = "slow"
    HOLD = "hold"

    @property
    def weight(self) -> int:
        """The heaviest of several is followed."""
        return list(Advice).index(self)


@dataclass(frozen=True, kw_only=True, slots=True)
class Signal:
    """What a throttle has read."""

    reading: float
    limit: float
    """In the unit of the reading. From here on copies are held."""
    told: str
    """For people, with the unit: `replica lag 130 MB, limit 64 MB`."""
    advice: Advice | None = None
    """None leaves it to dtsrun, which compares the reading with the limit."""
    notice: str = ""
    """What the user is to know though no hold would help; said when it begins."""


class ThrottleContext(Protocol):
    """What a throttle may use. It is asked every few seconds, in a thread and over a session of its own."""

    @property
    def task(self) -> str: ...

    @property
    def options(self) -> Mapping[str, Any]:
        """The throttle's options over its defaults; sizes are bytes, durations seconds, rates bytes a second."""

    @property
    def facts(self) -> ServerFacts:
        """What the server of the throttle's side says of itself."""

    @property
    def connection(self) -> Connection:
        """A read-only autocommit session on the maintenance database of the throttle's side, with a statement
        timeout."""


class Throttle(Plugin):
    """A signal of a server's health: `resources.throttle.<short name>` makes copies give way to it."""

    side: ClassVar[Side] = "source"
    """Whose health it is."""

    @abstractmethod
    def look(self, context: ThrottleContext) -> Signal:
        """Return how the server is; cheap. Raise Undetermined where that cannot be known (a missing privilege): it is
        said, and never taken for health."""
