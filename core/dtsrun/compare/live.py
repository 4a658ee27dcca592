"""The rows of one table on both ends, compared while changes flow from one to the other.

The first pass is that of `compare_rows`, except that what it finds is only suspected: a row that was written meanwhile
looks different too. Suspects are looked at again, on the source, on the target, and on the source once more:

* The target's row is what the source's was at one of the two looks: equal.
* The source's row was not written between its two looks (its xmin is the same), and the target had applied by then all
  that was committed before the first: different, for nothing is on the way that could explain it.
* Else the row keeps changing, and is looked at again; after some rounds it is reported as not settled, never as equal.

A row that the source has not got could have come and gone between its looks: that the target has one is a difference
only when its row was not written from one round to the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dtsrun.api import Deviation, Difference, StepContext, StepResult
from dtsrun.compare.ends import on_both, reading
from dtsrun.compare.listing import (
    NO_ROW,
    Unmatched,
    chosen_buckets,
    difference,
    merge,
    natural,
    of_key,
    short,
    started,
)
from dtsrun.compare.rows import absent_end, differing_buckets, ends_of, order_of
from dtsrun.compare.scan import Detail, TableEnd
from dtsrun.errors import MigrationError
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.watch.positions import beat, written_position

ROUNDS: Final = 8
WAIT_SECONDS: Final = 60.0
"""How long one round waits for the target to apply what was committed before it."""

TICK_SECONDS: Final = 0.05

State = tuple[Any, Any]
"""What a row is, and which version of it: equal where nobody wrote it. Both empty: there is no row."""

NONE: Final[State] = ((), ())


@dataclass(frozen=True, kw_only=True, slots=True)
class Patience:
    """How long suspects are looked at again."""

    rounds: int = ROUNDS
    wait: float = WAIT_SECONDS


def compare_rows_live(context: StepContext, applied: Callable[[], int], patience: Patience | None = None) -> StepResult:
    """Compare the rows of one table whose changes are followed.

    The step's args are those of `compare_rows`; where they ask for numbers of rows alone, all rows are compared, since
    numbers that change cannot be. The context's connections are in autocommit mode: each look must see what is there by
    then. Result: what really differs; `detail` has `not_settled`, how many rows kept changing, and a deviation says so.

    Args:
        applied: position of the source up to which the target has committed everything.
    """
    source, target = ends_of(context)
    if order_of(context).mode != "sample":
        source, target = replace(source, percent=100.0), replace(target, percent=100.0)
    if missing := absent_end(context, source, target):
        return StepResult(differences=(missing,))
    return _Live(context, source, target, applied, patience or Patience()).compare()


def confirmed_position(context: StepContext) -> int:
    """Return up to where the target has told the source's slot that all is committed on its disk.

    It may be a moment late, and is right whatever carries the changes. The step's args name the slot.

    Raises:
        MigrationError: the slot is gone: the table was copied anew meanwhile, or the task has ended.
    """
    row = (
        context.source()
        .execute(
            "select confirmed_flush_lsn::text as position from pg_catalog.pg_replication_slots where slot_name = %s",
            [context.step.args["slot"]],
        )
        .fetchone()
    )
    if row is None or row.position is None:
        raise MigrationError(
            f"slot {context.step.args['slot']} is gone from the source",
            hint="verify again: the table may have been repaired",
        )
    return parse_lsn(row.position)


@dataclass(slots=True)
class _Live:
    context: StepContext
    source: TableEnd
    target: TableEnd
    applied: Callable[[], int]
    patience: Patience
    shown: dict[Any, str] = field(default_factory=dict)
    """Of rows without a key, what is shown, by MD5."""

    def compare(self) -> StepResult:
        suspects, rows, is_complete = self._first_pass()
        differing, unsettled = self._settled(suspects)
        found = self._differences(differing)
        self.context.progress(rows=rows)
        count = len(unsettled)
        deviations = (
            [self._deviation(f"{count} rows kept changing while they were compared: not settled")] if count else []
        )
        if not is_complete:
            said = "more rows differed at the first look than are looked at again: compare once more when it is calmer"
            deviations.append(self._deviation(said))
        detail = {"mode": "live", "rows": rows, "not_settled": count, "complete": is_complete}
        return StepResult(rows=rows, differences=tuple(found), deviations=tuple(deviations), detail=detail)

    # The first pass

    def _first_pass(self) -> tuple[set[Any], int, bool]:
        """Return what is suspected, how many rows the source has, and whether these are all suspects."""
        with self._reading():
            ours, theirs = on_both(self.context, TableEnd.buckets, self.source, self.target)
            buckets = differing_buckets(ours, theirs)
            rows = sum(bucket.rows for bucket in ours.values())
            if not buckets:
                return set(), rows, True
            chosen = chosen_buckets(buckets)
            with closing(self.source.suspects(chosen)) as one, closing(self.target.suspects(chosen)) as other:
                unmatched = merge(*started(self.context, one, other))
        return self._identified(unmatched), rows, unmatched.complete and len(chosen) == len(buckets)

    def _identified(self, unmatched: Unmatched) -> set[Any]:
        both = [*unmatched.source, *unmatched.target]
        if self.source.key:
            return {row.key for row in both}
        self.shown = {row.digest: short(row.shown) for row in both}
        return set(self.shown)

    # Looking again

    def _settled(self, suspects: set[Any]) -> tuple[list[Any], set[Any]]:
        """Return which suspects really differ, and which are not settled."""
        open_ones, differing = set(suspects), list[Any]()
        before: Mapping[Any, State] = {}
        for _ in range(self.patience.rounds):
            if not open_ones:
                break
            first = self._look(self.source, open_ones)
            if not self._catches_up():
                break
            there = self._look(self.target, open_ones)
            second = self._look(self.source, open_ones)
            for row in sorted(open_ones, key=repr):
                states = first.get(row, NONE), there.get(row, NONE), second.get(row, NONE)
                verdict = _verdict(*states, before.get(row))
                if verdict is not None:
                    open_ones.remove(row)
                    differing.extend([] if verdict else [row])
            before = there
        return differing, open_ones

    def _catches_up(self) -> bool:
        """Wait until the target has applied all that the source has committed by now; tell whether it did."""
        position = written_position(self.source.connection)
        beat(self.source.connection)  # what nothing follows on an idle source is confirmed late
        deadline = time.monotonic() + self.patience.wait
        while self.applied() < position:
            if time.monotonic() > deadline:
                return False
            self.context.progress()
            time.sleep(TICK_SECONDS)
        return True

    def _look(self, end: TableEnd, rows: Collection[Any]) -> Mapping[Any, State]:
        with reading(end.connection, end.form.settings):
            if not self.source.key:
                return end.alike(rows)
            return {key: _state(details) for key, details in end.details(rows).items()}

    # What is told

    def _differences(self, differing: Sequence[Any]) -> list[Difference]:
        most = order_of(self.context).listed
        listed = list(self._listed(differing[:most] if not self.source.key else sorted(differing, key=natural)[:most]))
        if len(differing) > most:
            count = f"{len(differing)} rows differ"
            listed.append(difference(self.context, "rows", count, count, note="more rows differ than are listed"))
        return listed

    def _listed(self, differing: Sequence[Any]) -> Iterator[Difference]:
        if not differing:
            return
        if not self.source.key:
            yield from self._keyless(differing)
            return
        with self._reading():
            ours, theirs = on_both(self.context, lambda end: end.details(differing), self.source, self.target)
        for key in differing:
            name = f"({', '.join(self.source.key)})=({', '.join(key)})"
            yield from of_key(self.context, self.source, name, ours.get(key, []), theirs.get(key, []))

    def _keyless(self, digests: Sequence[str]) -> Iterator[Difference]:
        ours, theirs = self._look(self.source, digests), self._look(self.target, digests)
        for digest in digests:
            if ours.get(digest, (0, ""))[0] > theirs.get(digest, (0, ""))[0]:
                yield difference(self.context, "row missing", self.shown[digest], NO_ROW)
            else:
                yield difference(self.context, "row extra", NO_ROW, self.shown[digest])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        with ExitStack() as stack:
            for end in (self.source, self.target):
                stack.enter_context(reading(end.connection, end.form.settings))
            yield

    def _deviation(self, message: str) -> Deviation:
        args = self.context.step.args
        label = f"{args.get('type', 'TABLE')} {args['schema']}.{args['name']}"
        return Deviation(database=self.context.step.database, object=label, message=message)


def _verdict(first: State, there: State, second: State, there_before: State | None) -> bool | None:
    """Return whether a row is equal on both ends, None where that is not settled.

    Args:
        first: the source's row before the target's was read.
        there: the target's.
        second: the source's after it.
        there_before: the target's in the round before.
    """
    if there[0] in (first[0], second[0]):
        return True
    if first != second:
        return None
    if first == NONE:
        return False if there == there_before else None
    return False


def _state(details: Sequence[Detail]) -> State:
    """A key that is unique in name only can have several rows."""
    ordered = sorted(details, key=lambda each: (each.digests, each.version))
    return tuple(each.digests for each in ordered), tuple(each.version for each in ordered)
