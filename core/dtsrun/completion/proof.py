"""The proof that no commit of a user lies beyond what the target has.

After the drain the links are stopped, and each slot is read on from where its link stands with
`pg_logical_slot_peek_binary_changes`: through the same publications and the same output plugin as the link itself, up
to the present end of the log, without moving the slot. What comes out is exactly what the link would have carried
next: whole transactions, in the order of their commits, with changes of followed tables alone. A transaction whose
commit record ends at or before the applied position is on the target already; the slot gives it once more where the
target's last word had not reached the source. Any other one that changed a followed table is a *late writer*.

So the proof does not depend on the fence, nor on who wrote, with what session or setting. It covers what was committed
until the look: the cutover makes it twice, after the drain and again just before the links are taken away, so that
what was committed while objects were aligned and compared is found too. Comparing snapshots of transaction ids
(`txid_current_snapshot`) is not enough of an answer: autovacuum and our own messages move them as well.

What is not in a link's stream is not in its proof: sequences, unlogged tables, large objects, and changes other than
inserts of tables that are followed by inserts alone. Those are read from the fenced source when they are aligned.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import psycopg

from dtsrun.api import Connection, Link
from dtsrun.completion.drain import fence_position
from dtsrun.errors import MigrationError
from dtsrun.postgres.lsn import format_lsn
from dtsrun.postgres.sqlstate import describe

FIRST_LOOK: Final = 20_000
"""Changes after which the first look stops, at the end of a transaction: enough where nearly nothing is left."""

EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Where PostgreSQL counts microseconds from."""

KINDS: Final[Mapping[int, str]] = {ord("I"): "inserts", ord("U"): "updates", ord("D"): "deletes"}
"""The manual, "Logical Replication Message Formats": the tag of a message about one row, then the relation's OID."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LateWrites:
    """What was committed on one followed table beyond what the target has."""

    link: str
    table: str
    """`schema.name`."""
    counts: Mapping[str, int]
    """`inserts`, `updates`, `deletes`, `truncates`; at least so many, where there are tens of thousands."""
    first_at: datetime
    """When the first of their transactions was committed, by the source's clock."""
    last_at: datetime

    @property
    def told(self) -> str:
        """For people: `public.orders: 3 inserts, 1 updates, committed at 12:00:01`."""
        counts = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        return f"{self.table}: {counts}, the last committed at {self.last_at.isoformat(timespec='milliseconds')}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What was found beyond the position of one link. Plain data."""

    link: str
    applied: int
    """The position that was proved."""
    seen_to: int
    """Position behind every commit that is covered."""
    late: tuple[LateWrites, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing was found."""
        return not self.late

    @property
    def told(self) -> str:
        """For people."""
        if self.holds:
            return f"{self.link}: nothing was committed on its tables between {format_lsn(self.applied)} and now"
        return f"{self.link}: committed beyond {format_lsn(self.applied)}: {'; '.join(w.told for w in self.late)}"


def prove(source: Connection, link: Link, applied: int) -> Proof:
    """Look whether anything was committed on a link's tables beyond what the target has.

    Args:
        source: an autocommit session on the link's database of the source, of an account with REPLICATION.
        link: stopped, so that nobody holds its slot.
        applied: position up to which everything is committed on the target.

    Raises:
        MigrationError: the slot cannot be read: it is in use, or gone.
    """
    # The slot is read as far as the log is on disk, where a commit with `synchronous_commit = off` is not at once.
    seen_to = fence_position(source)
    late = _late(source, link, applied, FIRST_LOOK)
    if late is None:
        late = _late(source, link, applied, None)
    assert late is not None  # without a bound the look is complete
    return Proof(link=link.name, applied=applied, seen_to=seen_to, late=tuple(late))


def _late(source: Connection, link: Link, applied: int, bound: int | None) -> list[LateWrites] | None:
    """Return what lies beyond; None where the bound came first and all up to there was known."""
    reader = _Reader(link, applied)
    with source.cursor(binary=True) as cursor:
        _peek(cursor, link, bound)
        messages = 0
        for row in cursor:
            messages += 1
            reader.take(bytes(row.data))
    if bound is not None and messages >= bound and not reader.writes:
        return None
    return reader.result()


def _peek(cursor: psycopg.Cursor[Any], link: Link, bound: int | None) -> None:
    try:
        cursor.execute(
            # Of a message about a row (I, U, D) the tag and the relation are enough: the row stays where it is.
            "select case when pg_catalog.get_byte(data, 0) in (73, 85, 68) then pg_catalog.substring(data, 1, 5)"
            "            else data end as data"
            "  from pg_catalog.pg_logical_slot_peek_binary_changes("
            "%s, null, %s::int, 'proto_version', '1', 'publication_names', %s)",
            # Names of publications are ours: lower case, digits and `_`, so no quotes are needed in the list.
            [link.name, bound, ",".join(link.publications)],
        )
    except (psycopg.errors.ObjectInUse, psycopg.errors.UndefinedObject) as error:
        raise MigrationError(
            f"source: slot {link.name} cannot be read for the proof: {describe(error)}",
            hint="look at pg_replication_slots on the source for who uses it",
        ) from error


@dataclass(slots=True)
class _Writes:
    counts: Counter[str]
    first_at: datetime
    last_at: datetime


class _Reader:
    """Reads the tags of messages of pgoutput; values of rows are never looked at."""

    def __init__(self, link: Link, applied: int) -> None:
        self._link = link.name
        self._applied = applied
        self._names: dict[int, str] = {}
        self._known = {table.oid: table.qualified for table in link.tables}
        self._pending: list[tuple[int, str]] = []
        """Relations and kinds of change of the transaction that is being read."""
        self.writes: dict[int, _Writes] = {}

    def take(self, message: bytes) -> None:
        """Take one message."""
        tag = message[0]
        if tag == ord("B"):
            self._pending.clear()
        elif tag == ord("R"):
            self._names_relation(message)
        elif tag in KINDS:
            self._pending.append((struct.unpack_from("!I", message, 1)[0], KINDS[tag]))
        elif tag == ord("T"):
            count = struct.unpack_from("!I", message, 1)[0]
            self._pending += [(oid, "truncates") for oid in struct.unpack_from(f"!{count}I", message, 6)]
        elif tag == ord("C"):
            self._commit(*struct.unpack_from("!QQq", message, 2))

    def result(self) -> list[LateWrites]:
        """Return what was found, by table."""
        return [
            LateWrites(
                link=self._link,
                table=self._known.get(oid) or self._names.get(oid, f"relation {oid}"),
                counts=dict(writes.counts),
                first_at=writes.first_at,
                last_at=writes.last_at,
            )
            for oid, writes in self.writes.items()
        ]

    def _names_relation(self, message: bytes) -> None:
        oid = struct.unpack_from("!I", message, 1)[0]
        schema, name, _ = message[5:].split(b"\0", 2)
        # Names come in the database's own encoding; those of followed tables are known from the link.
        self._names[oid] = b".".join((schema, name)).decode("utf-8", "backslashreplace")

    def _commit(self, _: int, end: int, microseconds: int) -> None:
        """The end of the commit record is what a target remembers of a transaction that it has."""
        if end <= self._applied:
            return
        at = EPOCH + timedelta(microseconds=microseconds)
        for oid, kind in self._pending:
            writes = self.writes.setdefault(oid, _Writes(Counter(), at, at))
            writes.counts[kind] += 1
            writes.last_at = at


def proofs_told(proofs: Sequence[Proof]) -> Iterator[str]:
    """Yield the sentences of those that do not hold."""
    yield from (proof.told for proof in proofs if not proof.holds)
