"""The messages of pgoutput: of every kind, from real servers, and broken ones."""

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtsrun.api import Route
from dtsrun.postgres.session import connect
from dtsrun.stream import pgoutput
from dtsrun.stream.pgoutput import (
    UNCHANGED,
    Begin,
    Column,
    Commit,
    Delete,
    Insert,
    Message,
    Origin,
    ProtocolError,
    Relation,
    Row,
    Truncate,
    Type,
    Update,
    read,
)
from dtsrun.testing.servers import FreshDatabase


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def row(values: Row) -> bytes:
    parts = [struct.pack("!H", len(values))]
    for value in values:
        if isinstance(value, bytes):
            parts.append(b"t" + struct.pack("!I", len(value)) + value)
        else:
            parts.append(b"n" if value is None else b"u")
    return b"".join(parts)


WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"))
VALUES = st.one_of(st.none(), st.just(UNCHANGED), st.binary())
ROWS = st.lists(VALUES, max_size=6).map(tuple)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
I64 = st.integers(-(2**63), 2**63 - 1)
COLUMNS = st.builds(Column, WORDS, st.booleans(), U32, st.integers(-1, 2**31 - 1))
CHANGES = st.one_of(
    st.builds(Begin, U64, I64, U32),
    st.builds(Commit, U64, U64, I64),
    st.builds(Origin, U64, WORDS),
    st.builds(
        Relation, U32, WORDS.filter(bool), WORDS, st.sampled_from("dnfi"), st.lists(COLUMNS, max_size=4).map(tuple)
    ),
    st.builds(Type, U32, WORDS.filter(bool), WORDS),
    st.builds(Insert, U32, ROWS),
    st.builds(Update, U32, ROWS, st.booleans(), ROWS),
    st.builds(Update, U32, st.none(), st.just(False), ROWS),
    st.builds(Delete, U32, ROWS, st.booleans()),
    st.builds(Truncate, st.lists(U32, max_size=4).map(tuple), st.booleans(), st.booleans()),
    st.builds(Message, st.booleans(), U64, WORDS, st.binary()),
)


def written(change: pgoutput.Change) -> bytes:
    """Return a message as the manual describes it."""
    match change:
        case Begin(lsn, at, xid):
            return b"B" + struct.pack("!QqI", lsn, at, xid)
        case Commit(lsn, end, at):
            return b"C\0" + struct.pack("!QQq", lsn, end, at)
        case Origin(lsn, name):
            return b"O" + struct.pack("!Q", lsn) + text(name)
        case Relation(oid, schema, name, identity, columns):
            head = b"R" + struct.pack("!I", oid) + text(schema) + text(name) + identity.encode()
            parts = (bytes([c.is_key]) + text(c.name) + struct.pack("!Ii", c.type_oid, c.modifier) for c in columns)
            return head + struct.pack("!H", len(columns)) + b"".join(parts)
        case Type(oid, schema, name):
            return b"Y" + struct.pack("!I", oid) + text(schema) + text(name)
        case Insert(oid, new):
            return b"I" + struct.pack("!I", oid) + b"N" + row(new)
        case Update(oid, old, whole, new):
            before = b"" if old is None else (b"O" if whole else b"K") + row(old)
            return b"U" + struct.pack("!I", oid) + before + b"N" + row(new)
        case Delete(oid, old, whole):
            return b"D" + struct.pack("!I", oid) + (b"O" if whole else b"K") + row(old)
        case Truncate(oids, cascade, restart):
            return b"T" + struct.pack(f"!IB{len(oids)}I", len(oids), cascade + 2 * restart, *oids)
        case Message(transactional, lsn, prefix, content):
            size = struct.pack("!I", len(content))
            return b"M" + bytes([transactional]) + struct.pack("!Q", lsn) + text(prefix) + size + content
    raise AssertionError(change)


@given(CHANGES, st.binary(max_size=3))
def test_what_is_written_is_read_wherever_it_begins(change: pgoutput.Change, before: bytes) -> None:
    assert read(before + written(change), len(before)) == change


@given(CHANGES, st.data())
def test_a_message_that_breaks_off_or_goes_on_is_refused(change: pgoutput.Change, data: st.DataObject) -> None:
    whole = written(change)
    cut = data.draw(st.integers(0, len(whole) - 1))
    for broken in (whole[:cut], whole + b"n"):
        with pytest.raises(ProtocolError):
            read(broken)


@given(st.binary())
def test_noise_is_a_message_or_refused_with_our_own_error(noise: bytes) -> None:
    try:
        change = read(noise)
    except ProtocolError:
        return
    assert type(change).__module__ == "dtsrun.stream.pgoutput"


def test_an_empty_schema_is_that_of_the_system() -> None:
    assert read(b"Y" + struct.pack("!I", 7) + text("") + text("t")) == Type(7, "pg_catalog", "t")


def test_times_are_those_of_2000() -> None:
    assert pgoutput.moment(86_400_000_001).isoformat() == "2000-01-02T00:00:00.000001+00:00"


def messages(route: Route, database: str, slot: str, publication: str) -> list[pgoutput.Change]:
    with connect(route, database) as connection:
        rows = connection.execute(
            "select data from pg_logical_slot_get_binary_changes(%s, null, null, 'proto_version', '1',"
            " 'publication_names', %s)",
            [slot, publication],
        ).fetchall()
    return [read(row.data) for row in rows]


def read_a_real_server(route: Route, database: str) -> None:
    slot = f"s_{database}"
    with connect(route, database) as connection:
        connection.execute(
            "create type public.mood as enum ('sad');"
            "create table public.t (id int primary key, m public.mood, b text);"
            "alter table public.t alter b set storage external; create table public.f (a int);"
            "alter table public.f replica identity full; create publication p for table public.t, public.f"
        )
        connection.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", [slot])
        try:
            # What is not flushed is not decoded.
            connection.execute("set synchronous_commit = on")
            connection.execute(
                "begin; insert into public.t values (1, 'sad', repeat('x', 9000)); update public.t set m = null;"
                " update public.t set id = 2; delete from public.t; insert into public.f values (5);"
                " update public.f set a = 6; delete from public.f; commit"
            )
            changes = messages(route, database, slot, "p")
        finally:
            connection.execute("select pg_drop_replication_slot(%s)", [slot])
    kinds = [type(change).__name__ for change in changes if not isinstance(change, (Relation, Type))]
    assert kinds == ["Begin", "Insert", "Update", "Update", "Delete", "Insert", "Update", "Delete", "Commit"]
    t, f = (change for change in changes if isinstance(change, Relation))
    assert (t.schema, t.name, t.identity, [(c.name, c.is_key) for c in t.columns]) == (
        "public",
        "t",
        "d",
        [("id", True), ("m", False), ("b", False)],
    )
    assert f.identity == "f"
    assert any(isinstance(change, Type) and change.name == "mood" for change in changes)
    [inserted, _] = [change for change in changes if isinstance(change, Insert)]
    assert inserted.new == (b"1", b"sad", b"x" * 9000)
    updates = [change for change in changes if isinstance(change, Update)]
    assert updates[0] == Update(t.oid, None, False, (b"1", None, UNCHANGED))
    assert updates[1] == Update(t.oid, (b"1", None, None), False, (b"2", None, UNCHANGED))
    assert updates[2] == Update(f.oid, (b"5",), True, (b"6",))
    deletes = [change for change in changes if isinstance(change, Delete)]
    assert deletes == [Delete(t.oid, (b"2", None, None), False), Delete(f.oid, (b"6",), True)]
    [begin], [commit] = ([c for c in changes if isinstance(c, kind)] for kind in (Begin, Commit))
    assert begin.commit_lsn == commit.commit_lsn < commit.end_lsn


def test_a_real_server_is_read(source_route: Route, fresh_database: FreshDatabase) -> None:
    read_a_real_server(source_route, fresh_database(source_route))


@pytest.mark.matrix
@pytest.mark.parametrize("version", [10, 11, 12, 13, 14, 15, 17, 18])
def test_every_real_server_is_read(
    postgres_server: Callable[[int], Route], fresh_database: FreshDatabase, version: int
) -> None:
    route = postgres_server(version)
    read_a_real_server(route, fresh_database(route))
