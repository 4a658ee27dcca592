"""How the links of a task stand while changes are followed, and what has drifted meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dtsrun.journal import Journal, TaskRecord
from dtsrun.report.columns import columns, paragraph
from dtsrun.report.figures import clock_text, count_text, seconds_text, size_text

STATES: Final = frozenset({"syncing", "completing", "pausing", "paused", "failed"})
"""In which links are there, or are to go on."""


LINK_HEADERS: Final = ("database", "state", "behind", "WAL held back", "tables")


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkFigures:
    """How a link stood when its runner last looked."""

    database: str
    state: str
    """As its engine says: `streaming`, `starting`, `stopped`, `failed`."""
    tables: int
    lag_bytes: int
    lag_seconds: float
    is_at_least: bool
    """Whether what is behind may be older."""
    retained_bytes: int | None
    """Of WAL that its slot holds back on the source; None: the slot is lost."""
    retained_limit: int | None
    """What the source allows for that; None: nothing limits it but the disk."""
    error: str | None
    at: datetime


def links_of(task: TaskRecord) -> tuple[LinkFigures, ...]:
    """Return how the links stood; none where the task has ended, or has not come so far."""
    sync = task.summary.get("sync") if task.state in STATES else None
    return tuple(_link(each, datetime.fromisoformat(sync["at"])) for each in sync["links"]) if sync else ()


def drifted(journal: Journal, task: TaskRecord) -> tuple[str, ...]:
    """Return what has drifted and is not mended, each with its number."""
    if task.state not in STATES:
        return ()
    return tuple(f"{event.id}  {event.message}" for event in journal.open_drifts(task.name))


def links_title(links: Sequence[LinkFigures]) -> str:
    """Return the title with the time of the look, since a task that is paused has no newer figures."""
    return f"Changes that are followed (seen at {clock_text(links[0].at)})" if links else ""


def link_lines(links: Sequence[LinkFigures]) -> list[str]:
    """Return a table of the links, and what keeps them from going on."""
    lines = columns([link_cells(each) for each in links], headers=LINK_HEADERS)
    return [*lines, *(line for each in links for line in _error_lines(each))]


def link_cells(link: LinkFigures) -> tuple[str, ...]:
    """Return what a table says of a link."""
    return link.database, link.state, behind_text(link), retained_text(link), count_text(link.tables)


def drift_lines(found: Sequence[str], task: str) -> list[str]:
    """Return what has drifted, and how to see what mends it."""
    lines = [line for text in found for line in paragraph(text)]
    how = f"`dtsrun repair {task} --list` shows what mends it, `dtsrun repair {task}` does it"
    return [*lines, *paragraph(how)] if lines else []


def behind_text(link: LinkFigures) -> str:
    """Return how far a link is behind: `1.2 MB, 3 s`."""
    least = "at least " if link.is_at_least else ""
    return f"{size_text(link.lag_bytes)}, {least}{seconds_text(link.lag_seconds)}" if link.lag_bytes else "nothing"


def retained_text(link: LinkFigures) -> str:
    """Return how much WAL a slot holds back, of how much: `5.1 MB of 64 MB`."""
    if link.retained_bytes is None:
        return "the slot is lost"
    limit = f" of {size_text(link.retained_limit)}" if link.retained_limit is not None else ""
    return f"{size_text(link.retained_bytes)}{limit}"


def _error_lines(link: LinkFigures) -> Iterator[str]:
    if link.error:
        yield from paragraph(f"{link.database}: {link.error}")


def _link(data: dict[str, Any], at: datetime) -> LinkFigures:
    return LinkFigures(
        database=data["database"],
        state=data["state"],
        tables=data["tables"],
        lag_bytes=data["lag_bytes"],
        lag_seconds=data["lag_seconds"],
        is_at_least=data.get("lag_is_at_least", False),
        retained_bytes=data["retained_bytes"],
        retained_limit=data.get("retained_limit"),
        error=data.get("trouble") or data["error"],
        at=at,
    )
