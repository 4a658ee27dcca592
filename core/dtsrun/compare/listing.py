"""The rows that differ, found by merging both ends' suspects and named with key and both values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from dtsrun.api import Difference, StepContext
from dtsrun.compare.ends import on_both
from dtsrun.compare.scan import SHOWN_CHARACTERS, UNREADABLE, Detail, Key, Suspect, TableEnd

MOST_SUSPECTS: Final = 100_000
"""Rows of differing buckets that are looked at one by one; beyond, the count of differences is a lower bound."""

MOST_DIFFERING: Final = 10_000
"""Differing rows after which looking stops, for the runner's memory."""

NO_ROW: Final = "(no row)"

NOT_TEXT: Final = "not valid text"


def difference(
    context: StepContext, aspect: str, source: str, target: str, *, key: str | None = None, note: str | None = None
) -> Difference:
    """Return a difference of the step's table."""
    args = context.step.args
    label = f"{args.get('type', 'TABLE')} {args['schema']}.{args['name']}"
    return Difference(
        database=context.step.database, object=label, aspect=aspect, source=source, target=target, key=key, note=note
    )


@dataclass(slots=True)
class Unmatched:
    """Suspects without an equal on the other end."""

    source: list[Suspect] = field(default_factory=list)
    target: list[Suspect] = field(default_factory=list)
    complete: bool = True
    """Whether these are all."""


def list_rows(
    context: StepContext, source: TableEnd, target: TableEnd, buckets: Mapping[int, int], most: int
) -> list[Difference]:
    """Return the rows that differ, at most so many, and how many there are where that is more.

    Args:
        buckets: those that differ, with the number of rows to look at in each.
    """
    chosen = chosen_buckets(buckets)
    try:
        with closing(source.suspects(chosen)) as ours, closing(target.suspects(chosen)) as theirs:
            unmatched = merge(*started(context, ours, theirs))
        unmatched.complete &= len(chosen) == len(buckets)
        if source.key:
            return _keyed(context, source, target, unmatched, most)
        return _keyless(context, unmatched, most)
    except UNREADABLE as error:
        return [difference(context, "rows", "", "", note=f"rows differ, but cannot be shown: {error}")]


def chosen_buckets(buckets: Mapping[int, int]) -> Sequence[int]:
    chosen: list[int] = []
    rows = 0
    for number, size in sorted(buckets.items()):
        if chosen and rows + size > MOST_SUSPECTS:
            break
        chosen.append(number)
        rows += size
    return chosen


def started(
    context: StepContext, source: Iterator[Suspect], target: Iterator[Suspect]
) -> tuple[Iterator[Suspect], Iterator[Suspect]]:
    """Begin both ends at once: before the first row of one comes, all of its rows have to be sorted."""
    ours, theirs = on_both(context, lambda rows: list(islice(rows, 1)), source, target)
    return chain(ours, source), chain(theirs, target)


def merge(source: Iterator[Suspect], target: Iterator[Suspect]) -> Unmatched:
    """Walk both ends, each ordered by MD5, and keep what one of them alone has; equal rows count one by one."""
    found = Unmatched()
    ours, theirs = next(source, None), next(target, None)
    while ours or theirs:
        if len(found.source) + len(found.target) >= MOST_DIFFERING:
            found.complete = False
            break
        if ours and theirs and ours.digest == theirs.digest:
            ours, theirs = next(source, None), next(target, None)
        elif theirs is None or (ours and ours.digest < theirs.digest):
            assert ours is not None
            found.source.append(ours)
            ours = next(source, None)
        else:
            found.target.append(theirs)
            theirs = next(target, None)
    return found


def _keyless(context: StepContext, unmatched: Unmatched, most: int) -> list[Difference]:
    """Without a key nothing says which row of one end was to be which of the other."""
    missing = [difference(context, "row missing", short(row.shown), NO_ROW) for row in unmatched.source]
    extra = [difference(context, "row extra", NO_ROW, short(row.shown)) for row in unmatched.target]
    half = max(most - len(extra), most // 2)
    listed = (missing[:half] + extra)[:most]
    return listed + _summary(context, unmatched, len(missing) + len(extra) - len(listed))


def _keyed(
    context: StepContext, source: TableEnd, target: TableEnd, unmatched: Unmatched, most: int
) -> list[Difference]:
    """Both ends are asked again by key, since the counterpart of a row may be in a bucket that was not looked at."""
    every = sorted({row.key for row in (*unmatched.source, *unmatched.target)}, key=natural)
    keys = every[:most]
    ours, theirs = on_both(context, lambda end: end.details(keys), source, target)
    found: list[Difference] = []
    for key in keys:
        name = f"({', '.join(source.key)})=({', '.join(key)})"
        found += of_key(context, source, name, ours.get(key, []), theirs.get(key, []))
    return found + _summary(context, unmatched, len(every) - len(keys))


def of_key(
    context: StepContext, end: TableEnd, name: str, source: Sequence[Detail], target: Sequence[Detail]
) -> Iterator[Difference]:
    ours, theirs = _without(source, target), _without(target, source)
    for one, other in zip(ours, theirs, strict=False):
        differing = [n for n, digest in enumerate(one.digests) if digest != other.digests[n]]
        yield difference(context, "row", *_both_values(end, one, other, differing), key=name)
    columns = range(len(end.columns))
    for row in ours[len(theirs) :]:
        yield difference(context, "row missing", _values(end, row, columns), NO_ROW, key=name)
    for row in theirs[len(ours) :]:
        yield difference(context, "row extra", NO_ROW, _values(end, row, columns), key=name)


def _without(rows: Sequence[Detail], others: Sequence[Detail]) -> list[Detail]:
    """Return the rows that are left when each of the others takes one equal row away."""
    taken = Counter(row.digests for row in others)
    left: list[Detail] = []
    for row in rows:
        if taken[row.digests]:
            taken[row.digests] -= 1
        else:
            left.append(row)
    return left


def _both_values(end: TableEnd, source: Detail, target: Detail, differing: Sequence[int]) -> tuple[str, str]:
    """Return the columns that differ, as each end has them."""
    ours, theirs = _values(end, source, differing), _values(end, target, differing)
    if ours != theirs:
        return ours, theirs
    return f"{ours} ({_digests(end, source, differing)})", f"{theirs} ({_digests(end, target, differing)})"


def _values(end: TableEnd, row: Detail, columns: Sequence[int]) -> str:
    if not row.values:
        return f"{NOT_TEXT} ({_digests(end, row, columns)})"
    return short(", ".join(f"{end.columns[n]['name']}={_literal(row.values[n])}" for n in columns))


def _digests(end: TableEnd, row: Detail, columns: Sequence[int]) -> str:
    return ", ".join(f"md5 of {end.columns[n]['name']}: {row.digests[n]}" for n in columns)


def _literal(value: str | None) -> str:
    return "null" if value is None else repr(value)


def short(text: str | None) -> str:
    text = text or ""
    most = SHOWN_CHARACTERS * 3
    return text if len(text) <= most else f"{text[:most]}…"


def natural(key: Key) -> tuple[tuple[int, int, str], ...]:
    """Order keys as people would: numbers by value, before texts."""
    return tuple((0, int(part), "") if part.lstrip("-").isdecimal() else (1, 0, part) for part in key)


def _summary(context: StepContext, unmatched: Unmatched, unlisted: int) -> list[Difference]:
    if unmatched.complete and not unlisted:
        return []
    bound = "" if unmatched.complete else "at least "
    return [
        difference(
            context,
            "rows",
            f"{bound}{len(unmatched.source)} rows without an equal on the target",
            f"{bound}{len(unmatched.target)} rows without an equal on the source",
            note="more rows differ than are listed",
        )
    ]
