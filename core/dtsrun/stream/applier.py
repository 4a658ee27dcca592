"""Changes become statements of the target, in order, in transactions that hold one or more of the source's."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any, ClassVar, Final, NamedTuple

from dtsrun.api import Connection, Identity, Link
from dtsrun.postgres.lsn import format_lsn
from dtsrun.stream import pgoutput, positions
from dtsrun.stream.destination import Destination, find_destination, mask_of
from dtsrun.stream.pgoutput import Row
from dtsrun.stream.pipeline import Pipeline
from dtsrun.stream.truncation import truncate

ROWS_AT_ONCE: Final = 64
"""Rows of one INSERT, where so many come in a row; a power of two."""
BYTES_AT_ONCE: Final = 256 * 1024
PARAMETERS_AT_ONCE: Final = 30_000

ROWS_OF_A_TRANSACTION: Final = 256
"""Transactions of the source share one of the target up to here while the target is behind: it saves commits. No more:
versions of a row that one transaction made are all walked through by its next update of that row."""

ROWS_TO_DISK: Final = 5000
SECONDS_TO_DISK: Final = 1.0
"""While the target is behind, so many rows or seconds of work share a commit that waits for the disk. What was
committed before reaches the disk with it, or is lost with its position if the target breaks down."""


class Ticket(NamedTuple):
    """What a statement was about."""

    what: str
    destination: Destination | None = None
    row: Row = ()
    committed: Committed | None = None


class Committed(NamedTuple):
    """What a commit of the target makes true."""

    position: int
    at: datetime | None
    counts: Mapping[str, int]
    is_on_disk: bool
    """Whether the commit waited for the disk, and so all before it are there."""


class Applier:
    """Takes the changes of a link, one after the other."""

    def __init__(
        self, pipeline: Pipeline[Ticket], catalog: Connection, link: Link, applied: positions.Applied, *, careful: bool
    ) -> None:
        self._pipeline = pipeline
        self._catalog = catalog
        self._link = link
        # By OID: a table that was renamed is still followed, and what the target lacks under its new name is told.
        self._tables = {table.oid: table for table in link.tables}
        self._most_rows = 1 if careful else ROWS_AT_ONCE
        self._relations: dict[int, pgoutput.Relation] = {}
        self._destinations: dict[int, Destination] = {}
        self._versions: Counter[int] = Counter()
        self._run: list[Row] = []
        self._run_of: Destination | None = None
        self._run_bytes = 0
        self._rows = 0
        self._rows_in_memory = 0
        self._disk_at = 0.0
        self._end: pgoutput.Commit | None = None
        self._is_skipping = False
        self._counts: Counter[str] = Counter(applied.counts)
        self.position = applied.position
        """Up to where the source's transactions are committed on the target, and on its disk."""
        self.committed_at: datetime | None = None
        """When the last of them was committed on the source."""
        self.counts: Mapping[str, int] = dict(applied.counts)
        self.in_transaction = False
        """Whether the source is in the middle of sending one."""
        self.is_open = False
        """Whether the target is in one."""
        self.commits_to_disk = 0
        """Commits under way that wait for the disk."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing that came is still to be committed."""
        return not (self.in_transaction or self.is_open or self._pipeline.unanswered or self._rows_in_memory)

    @property
    def is_due(self) -> bool:
        """Whether the target's transaction is long enough."""
        return self.can_commit and (self._rows >= ROWS_OF_A_TRANSACTION or self.is_due_on_disk)

    @property
    def is_due_on_disk(self) -> bool:
        """Whether it was long enough that the disk was not waited for."""
        is_much = self._rows + self._rows_in_memory >= ROWS_TO_DISK or time.monotonic() > self._disk_at
        return is_much and not self.commits_to_disk

    @property
    def needs_disk(self) -> bool:
        """Whether something waits for a commit that waits for the disk, which may come now."""
        return not self.in_transaction and (self.is_open or self._rows_in_memory > 0)

    @property
    def can_commit(self) -> bool:
        """Whether the target's transaction ends where one of the source's ends."""
        return self.is_open and not self.in_transaction

    def apply(self, change: pgoutput.Change) -> None:
        """Take one change.

        Raises:
            MigrationError: the target has no place for it.
        """
        take: Callable[[Applier, Any], None] | None = self._TAKE.get(type(change))
        if take is not None:
            take(self, change)

    def commit(self, *, to_disk: bool) -> None:
        """End the target's transaction, and remember in it how far we came.

        Args:
            to_disk: wait for the disk; the source may forget no more than what is there.
        """
        assert self._end is not None and not self.in_transaction
        self._send_run()
        self._open()
        at = pgoutput.moment(self._end.committed_at)
        counts = dict(self._counts)
        self._statement("advance", lambda: positions.ADVANCE)
        values = [self._link.name, format_lsn(self._end.end_lsn), at.isoformat(), positions.as_text(counts)]
        self._pipeline.execute("advance", [value.encode() for value in values])
        if to_disk:
            self._pipeline.send(b"set local synchronous_commit = on")
        self._pipeline.send(b"commit", Ticket("commit", committed=Committed(self._end.end_lsn, at, counts, to_disk)))
        self._pipeline.sync()
        self.is_open = False
        if to_disk:
            self.commits_to_disk += 1
            self._rows_in_memory, self._disk_at = 0, time.monotonic() + SECONDS_TO_DISK
        else:
            self._rows_in_memory += self._rows
        self._rows = 0

    def pass_to(self, position: int) -> None:
        """Remember on the target, while nothing is open, that the source has nothing for us before a position."""
        assert self.is_idle
        self._pipeline.send(b"begin")
        self._pipeline.send(b"set local synchronous_commit = on")
        self._statement("pass", lambda: positions.PASS)
        self._pipeline.execute("pass", [self._link.name.encode(), format_lsn(position).encode()])
        committed = Committed(position, self.committed_at, dict(self._counts), True)
        self._pipeline.send(b"commit", Ticket("commit", committed=committed))
        self._pipeline.sync()
        self.commits_to_disk += 1

    def send(self) -> None:
        """Let nothing wait on our side, and ask for the results that there are."""
        self._send_run()
        self._pipeline.ask()

    def collect(self) -> None:
        """Take the results that have come. Raises StatementFailed."""
        for ticket, result in self._pipeline.collect():
            if ticket.committed is not None:
                if not ticket.committed.is_on_disk:
                    continue
                self.commits_to_disk -= 1
                self.position, self.committed_at, counts, _ = ticket.committed
                self.counts = {**counts, **{key: n for key, n in self._counts.items() if key.startswith("missing")}}
            elif result.command_tuples == 0 and ticket.destination is not None and ticket.what != "inserts":
                self._counts["missing"] += 1
                self._counts[f"missing {ticket.destination.qualified}"] += 1

    # --- transactions of the source ----------------------------------------------------------------------------

    def _begin(self, change: pgoutput.Begin) -> None:
        self.in_transaction = True
        # The server leaves out what it was told of; this holds even if it were told of less.
        self._is_skipping = change.commit_lsn < self.position

    def _commit(self, change: pgoutput.Commit) -> None:
        self.in_transaction = False
        if self._is_skipping:
            return
        self._end = change
        if self.is_open:
            self._counts["transactions"] += 1

    def _open(self) -> None:
        if not self.is_open:
            self._pipeline.send(b"begin")
            self.is_open = True

    # --- tables ------------------------------------------------------------------------------------------------

    def _relation(self, change: pgoutput.Relation) -> None:
        self._send_run()
        self._relations[change.oid] = change
        self._destinations.pop(change.oid, None)
        self._versions[change.oid] += 1

    def _destination(self, oid: int) -> Destination | None:
        """Return where a change goes; None where it does not concern this link."""
        relation = self._relations[oid]
        if self._is_skipping or oid not in self._tables:
            return None
        known = self._destinations.get(oid)
        if known is None:
            known = self._destinations[oid] = find_destination(self._catalog, relation)
        return known

    def _followed(self, oid: int) -> Destination | None:
        """Return where a change of an existing row goes."""
        destination = self._destination(oid)
        if destination is None:
            return None
        table = self._tables[oid]
        if table.identity is Identity.INSERT_ONLY:
            self._counts["left out"] += 1
            self._counts[f"left out {table.qualified}"] += 1
            return None
        return destination

    # --- rows --------------------------------------------------------------------------------------------------

    def _insert(self, change: pgoutput.Insert) -> None:
        destination = self._destination(change.relation)
        if destination is not None:
            self._add(destination, change.new)
            self._counts["inserts"] += 1

    def _add(self, destination: Destination, row: Row) -> None:
        if self._run_of is not destination:
            self._send_run()
            self._run_of = destination
        self._open()
        self._rows += 1
        self._run.append(row)
        self._run_bytes += sum(len(value) for value in row if isinstance(value, bytes))
        is_full = len(self._run) >= self._most_rows or len(self._run) * len(row) >= PARAMETERS_AT_ONCE
        if is_full or self._run_bytes >= BYTES_AT_ONCE:
            self._send_run()

    def _send_run(self) -> None:
        """Send the inserts that were gathered, in as few statements as powers of two make."""
        rows, destination = self._run, self._run_of
        if not rows or destination is None:
            return
        self._run, self._run_of, self._run_bytes = [], None, 0
        at = 0
        while at < len(rows):
            count = 1 if not destination.columns else 1 << ((len(rows) - at).bit_length() - 1)
            values = [value for row in rows[at : at + count] for value in row if not _is_unchanged(value)]
            key = (*self._version(destination), "insert", count)
            self._statement(key, lambda count=count: destination.insert(count))  # type: ignore[misc]
            self._pipeline.execute(key, values, Ticket("inserts", destination, rows[at]))  # type: ignore[arg-type]
            at += count

    def _update(self, change: pgoutput.Update) -> None:
        destination = self._followed(change.relation)
        if destination is None:
            return
        self._counts["updates"] += 1
        if destination.moves_fixed(change.new, change.old):
            self._replace(destination, change)
            return
        self._send_run()
        self._open()
        self._rows += 1
        new, old, whole = mask_of(change.new), change.old, change.old_is_whole
        old_mask = mask_of(old) if old is not None else None
        key = (*self._version(destination), "update", new, old_mask, whole)
        if not self._pipeline.knows(key):
            statement = destination.update(new, old_mask, old_is_whole=whole)
            if statement is None:
                return
            self._pipeline.prepare(key, statement)
        by = old if old is not None else change.new
        sets, compared = destination.places(new, old_mask or new, whole=old is not None and whole)
        values = [change.new[place] for place in sets] + [by[place] for place in compared]
        self._pipeline.execute(key, values, Ticket("updates", destination, by))  # type: ignore[arg-type]

    def _replace(self, destination: Destination, change: pgoutput.Update) -> None:
        """Change a row whose identity column got another value, which no UPDATE may set."""
        assert change.old is not None
        self._remove(destination, change.old, whole=change.old_is_whole)
        self._add(destination, destination.whole(change.new, change.old if change.old_is_whole else None))

    def _delete(self, change: pgoutput.Delete) -> None:
        destination = self._followed(change.relation)
        if destination is not None:
            self._counts["deletes"] += 1
            self._remove(destination, change.old, whole=change.old_is_whole)

    def _remove(self, destination: Destination, old: Row, *, whole: bool) -> None:
        self._send_run()
        self._open()
        self._rows += 1
        mask = mask_of(old)
        key = (*self._version(destination), "delete", mask, whole)
        self._statement(key, lambda: destination.delete(mask, old_is_whole=whole))
        values = destination.delete_values(old, old_is_whole=whole)
        self._pipeline.execute(key, values, Ticket("deletes", destination, old))

    def _truncate(self, change: pgoutput.Truncate) -> None:
        destinations = [each for oid in change.relations if (each := self._destination(oid)) is not None]
        if not destinations:
            return
        self._send_run()
        self._open()
        self._counts["truncates"] += len(destinations)
        for statement in truncate(self._catalog, destinations, restart_identity=change.restart_identity):
            self._pipeline.send(statement.as_bytes(None), Ticket("truncates", None))

    # --- statements --------------------------------------------------------------------------------------------

    def _version(self, destination: Destination) -> tuple[int, int]:
        oid = destination.relation.oid
        return oid, self._versions[oid]

    def _statement(self, key: Hashable, make: Callable[[], bytes]) -> None:
        if not self._pipeline.knows(key):
            self._pipeline.prepare(key, make())

    _TAKE: ClassVar[Mapping[type, Callable[[Applier, Any], None]]] = {
        pgoutput.Begin: _begin,
        pgoutput.Commit: _commit,
        pgoutput.Relation: _relation,
        pgoutput.Insert: _insert,
        pgoutput.Update: _update,
        pgoutput.Delete: _delete,
        pgoutput.Truncate: _truncate,
    }


def _is_unchanged(value: object) -> bool:
    return value is pgoutput.UNCHANGED
