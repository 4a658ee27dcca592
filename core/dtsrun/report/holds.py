"""When copies were held for a server's sake."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dtsrun.journal import Journal
from dtsrun.report.figures import clock_text, seconds_text


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Copies stood still."""

    ended_at: datetime
    seconds: float
    why: str


def holds_of(journal: Journal, task: str) -> tuple[Hold, ...]:
    """Return the holds of a task that are over."""
    return tuple(
        Hold(ended_at=event.at, seconds=float(event.data["seconds"]), why=str(event.data["why"]))
        for event in journal.events(task)
        if event.kind == "throttle" and event.data.get("state") == "released"
    )


def hold_title(holds: Sequence[Hold]) -> str:
    """Return how long copies were held in all."""
    return f"Held for a server's sake ({seconds_text(sum(hold.seconds for hold in holds) or None)} in all)"


def hold_texts(holds: Sequence[Hold]) -> list[str]:
    """Return the holds, longest first: `held for 12 s until 14:03:11: replica lag 130 MB, limit 64 MB`."""
    return [
        f"held for {seconds_text(hold.seconds)} until {clock_text(hold.ended_at)}: {hold.why}"
        for hold in sorted(holds, key=lambda hold: -hold.seconds)
    ]
