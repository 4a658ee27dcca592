"""What the cutover brought up to date, object by object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dtsrun.api import Alignment
from dtsrun.journal import StepRecord
from dtsrun.report.figures import plural

MOST_SHOWN: Final = 5
"""Objects of one group that the text names; the other forms name all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Aligned:
    """What one step brought up to date, since no change carries it."""

    database: str | None
    title: str
    rows: int
    """Of tables; else objects."""
    bytes: int
    objects: tuple[Alignment, ...] = ()
    """Each of them, and what was done with it."""


def aligned_of(steps: Sequence[StepRecord], alignments: Mapping[str, Sequence[Alignment]]) -> Iterator[Aligned]:
    """Yield what was aligned: by the steps in the order of the plan, then what needed none. Steps that found nothing to
    do are left out."""
    for step in steps:
        if step.stage == "complete" and step.state == "done":
            objects = tuple(alignments.get(step.key, ()))
            title = step.title or step.key
            if objects or step.rows:
                yield Aligned(database=step.database, title=title, rows=step.rows, bytes=step.bytes, objects=objects)
    known = {step.key for step in steps}
    for title, given in alignments.items():
        if title not in known:
            yield Aligned(database=None, title=title, rows=len(given), bytes=0, objects=tuple(given))


def aligned_title(aligned: Sequence[Aligned]) -> str:
    """Return the heading of what was aligned."""
    return f"Aligned at the cutover ({plural(sum(len(each.objects) for each in aligned), 'object')})"


def group_text(group: Aligned) -> str:
    """Return what a step did: `shop: set 14 sequences`."""
    return f"{group.database}: {group.title}" if group.database else group.title


def object_text(alignment: Alignment) -> str:
    """Return what was done with one object: `SEQUENCE public.invoice: set to 1042`."""
    return f"{alignment.object}: {alignment.message}"


def aligned_lines(aligned: Iterable[Aligned]) -> Iterator[str]:
    """Yield the lines of the text: each group with the first of its objects."""
    for group in aligned:
        yield f"  {group_text(group)}"
        yield from (f"    {object_text(each)}" for each in group.objects[:MOST_SHOWN])
        if len(group.objects) > MOST_SHOWN:
            yield f"    and {len(group.objects) - MOST_SHOWN:,} more, which the HTML and JSON forms name"
