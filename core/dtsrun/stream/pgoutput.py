"""The messages of pgoutput, protocol version 1, which every server from 10 on speaks.

The manual, "Logical Replication Message Formats". Values stay bytes: they go to the target as they came. In version 1 a
transaction arrives whole, after its commit, in the order of commits.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from struct import Struct, error
from typing import Final, NamedTuple

PROTOCOL_VERSION: Final = 1


class Unchanged:
    """Stands for a large value that an update left as it was: it is not sent."""

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = Unchanged()

Value = bytes | None | Unchanged
Row = tuple[Value, ...]


class ProtocolError(Exception):
    """What came is no message of the protocol that was asked for."""


class Begin(NamedTuple):
    """A transaction begins."""

    commit_lsn: int
    """Where its commit record begins."""
    committed_at: int
    """Microseconds since 2000-01-01 UTC."""
    xid: int


class Commit(NamedTuple):
    """A transaction ends."""

    commit_lsn: int
    end_lsn: int
    """Where its commit record ends: what to go on from."""
    committed_at: int


class Origin(NamedTuple):
    """Where the transaction comes from, if not from this server."""

    lsn: int
    name: str


class Column(NamedTuple):
    """A column of a relation as the source has it."""

    name: str
    is_key: bool
    """Part of the replica identity."""
    type_oid: int
    modifier: int


class Relation(NamedTuple):
    """What a table looks like; sent before its first change, and after each change of its definition."""

    oid: int
    schema: str
    name: str
    identity: str
    """d(efault), n(othing), f(ull), i(ndex)."""
    columns: tuple[Column, ...]


class Type(NamedTuple):
    """The name of a type that is not built in."""

    oid: int
    schema: str
    name: str


class Insert(NamedTuple):
    """A new row."""

    relation: int
    new: Row


class Update(NamedTuple):
    """A changed row."""

    relation: int
    old: Row | None
    """None where the identity did not change."""
    old_is_whole: bool
    """All columns of the old row, or those of the identity alone."""
    new: Row


class Delete(NamedTuple):
    """A row that is gone."""

    relation: int
    old: Row
    old_is_whole: bool


class Truncate(NamedTuple):
    """Tables that were emptied together."""

    relations: tuple[int, ...]
    cascade: bool
    restart_identity: bool


class Message(NamedTuple):
    """A logical message (pg_logical_emit_message)."""

    is_transactional: bool
    lsn: int
    prefix: str
    content: bytes


Change = Begin | Commit | Origin | Relation | Type | Insert | Update | Delete | Truncate | Message

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_BEGIN: Final = Struct("!QqI")
_COMMIT: Final = Struct("!BQQq")
_U8: Final = Struct("!B")
_U16: Final = Struct("!H")
_U32: Final = Struct("!I")
_U64: Final = Struct("!Q")
_COLUMN_TYPE: Final = Struct("!Ii")
_TRUNCATE: Final = Struct("!IB")
_MESSAGE: Final = Struct("!BQ")

_NULL, _TEXT, _UNCHANGED = b"ntu"
_KEY, _OLD, _NEW = b"KON"


def moment(microseconds: int) -> datetime:
    """Return the time that the protocol tells in microseconds since 2000."""
    return _EPOCH + timedelta(microseconds=microseconds)


def read(data: bytes, at: int = 0) -> Change:
    """Return the message that begins at a place of some bytes and ends with them.

    Raises:
        ProtocolError: it is none, or not a whole one.
    """
    try:
        reader = _READERS[data[at]]
        change, end = reader(data, at + 1)
    except KeyError:
        raise ProtocolError(f"pgoutput sent a message of the unknown kind {data[at : at + 1]!r}") from None
    except (error, IndexError, ValueError) as cut:
        raise ProtocolError(f"pgoutput sent a message that breaks off: {cut}") from cut
    if end != len(data):
        raise ProtocolError(f"pgoutput sent a message of {len(data) - at} bytes where {end - at} were due")
    return change


def _begin(data: bytes, at: int) -> tuple[Change, int]:
    return Begin(*_BEGIN.unpack_from(data, at)), at + _BEGIN.size


def _commit(data: bytes, at: int) -> tuple[Change, int]:
    _, commit_lsn, end_lsn, committed_at = _COMMIT.unpack_from(data, at)
    return Commit(commit_lsn, end_lsn, committed_at), at + _COMMIT.size


def _origin(data: bytes, at: int) -> tuple[Change, int]:
    [lsn] = _U64.unpack_from(data, at)
    name, at = _string(data, at + 8)
    return Origin(lsn, name), at


def _relation(data: bytes, at: int) -> tuple[Change, int]:
    [oid] = _U32.unpack_from(data, at)
    schema, at = _string(data, at + 4)
    name, at = _string(data, at)
    identity = chr(data[at])
    [count] = _U16.unpack_from(data, at + 1)
    at += 3
    columns = []
    for _ in range(count):
        is_key = bool(data[at] & 1)
        column, at = _string(data, at + 1)
        columns.append(Column(column, is_key, *_COLUMN_TYPE.unpack_from(data, at)))
        at += _COLUMN_TYPE.size
    return Relation(oid, schema or "pg_catalog", name, identity, tuple(columns)), at


def _type(data: bytes, at: int) -> tuple[Change, int]:
    [oid] = _U32.unpack_from(data, at)
    schema, at = _string(data, at + 4)
    name, at = _string(data, at)
    return Type(oid, schema or "pg_catalog", name), at


def _insert(data: bytes, at: int) -> tuple[Change, int]:
    [relation] = _U32.unpack_from(data, at)
    _expect(data, at + 4, _NEW)
    new, at = _row(data, at + 5)
    return Insert(relation, new), at


def _update(data: bytes, at: int) -> tuple[Change, int]:
    [relation] = _U32.unpack_from(data, at)
    at += 4
    kind, old = data[at], None
    if kind in (_KEY, _OLD):
        old, at = _row(data, at + 1)
    _expect(data, at, _NEW)
    new, at = _row(data, at + 1)
    return Update(relation, old, kind == _OLD, new), at


def _delete(data: bytes, at: int) -> tuple[Change, int]:
    [relation] = _U32.unpack_from(data, at)
    kind = data[at + 4]
    _expect(data, at + 4, _KEY, _OLD)
    old, at = _row(data, at + 5)
    return Delete(relation, old, kind == _OLD), at


def _truncate(data: bytes, at: int) -> tuple[Change, int]:
    count, options = _TRUNCATE.unpack_from(data, at)
    at += _TRUNCATE.size
    relations = Struct(f"!{count}I").unpack_from(data, at)
    return Truncate(relations, bool(options & 1), bool(options & 2)), at + 4 * count


def _message(data: bytes, at: int) -> tuple[Change, int]:
    flags, lsn = _MESSAGE.unpack_from(data, at)
    prefix, at = _string(data, at + _MESSAGE.size)
    [size] = _U32.unpack_from(data, at)
    at += 4
    return Message(bool(flags & 1), lsn, prefix, data[at : at + size]), at + size


def _row(data: bytes, at: int) -> tuple[Row, int]:
    [count] = _U16.unpack_from(data, at)
    at += 2
    values: list[Value] = []
    for _ in range(count):
        kind = data[at]
        if kind == _TEXT:
            start = at + 5
            at = start + _U32.unpack_from(data, at + 1)[0]
            values.append(data[start:at])
        elif kind in (_NULL, _UNCHANGED):
            values.append(None if kind == _NULL else UNCHANGED)
            at += 1
        else:
            raise ValueError(f"a value of the kind {chr(kind)!r}")
    return tuple(values), at


def _string(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(0, at)
    return data[at:end].decode(), end + 1


def _expect(data: bytes, at: int, *kinds: int) -> None:
    if data[at] not in kinds:
        raise ValueError(f"{chr(data[at])!r} where {' or '.join(map(chr, kinds))} was due")


_READERS: Final = {
    ord("B"): _begin,
    ord("C"): _commit,
    ord("O"): _origin,
    ord("R"): _relation,
    ord("Y"): _type,
    ord("I"): _insert,
    ord("U"): _update,
    ord("D"): _delete,
    ord("T"): _truncate,
    ord("M"): _message,
}
