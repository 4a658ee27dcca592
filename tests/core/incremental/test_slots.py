"""A slot and its snapshot begin at one moment; the wait for writers is bounded and says who they are."""

import threading
import time
from collections.abc import Callable

import pytest
from psycopg import sql

from dtsrun.api import Connection, Route
from dtsrun.errors import Interrupted, MigrationError
from dtsrun.incremental.slots import copy_slot, create_slot, drop_slot, is_held, slot_names
from dtsrun.postgres.session import connect


def nobody(said: str) -> None:
    assert said == ""


def make(route: Route, database: str, source: Connection, *, wait: float = 20, waiting=nobody, number: int = 1):
    return create_slot(
        route, database, f"dtsrun_tested_{database}_{number}", wait=wait, watcher=source, waiting=waiting
    )


def counted(connection: Connection, slot: str, publication: str) -> int:
    rows = connection.execute(
        "select pg_catalog.get_byte(data, 0) as tag from pg_logical_slot_peek_binary_changes("
        "%s, null, null, 'proto_version', '1', 'publication_names', %s)",
        [slot, publication],
    ).fetchall()
    return sum(chr(row.tag) == "I" for row in rows)


def test_what_the_snapshot_shows_and_what_the_slot_holds_make_the_whole(
    source_route: Route, database: str, source: Connection
) -> None:
    source.execute("create table t (id int primary key); create publication p for table t; insert into t values (1)")
    held = make(source_route, database, source)
    source.execute("insert into t values (2), (3)")
    with connect(source_route, database) as reader:
        reader.execute("begin isolation level repeatable read")
        reader.execute(sql.SQL("set transaction snapshot {}").format(sql.Literal(held.snapshot)))
        assert [row.id for row in reader.execute("select id from public.t").fetchall()] == [1]
    assert is_held(held.connection)
    held.connection.close()
    assert not is_held(held.connection)
    assert counted(source, held.name, "p") == 2


def test_a_session_that_was_ended_does_not_count_as_held(
    source_route: Route, database: str, source: Connection, until: Callable[..., None]
) -> None:
    held = make(source_route, database, source)
    source.execute("select pg_terminate_backend(%s)", [held.connection.info.backend_pid])
    until(lambda: not is_held(held.connection))


def test_the_wait_names_the_writer_and_ends(source_route: Route, database: str, source: Connection) -> None:
    source.execute("create table t (id int primary key)")
    said: list[str] = []
    with connect(source_route, database) as writer:
        writer.execute("begin; insert into public.t values (1)")
        pid = writer.info.backend_pid
        with pytest.raises(MigrationError) as caught:
            make(source_route, database, source, wait=2.5, waiting=said.append)
    assert f"session {pid} of postgres in {database}" in caught.value.message
    assert "insert into public.t" in caught.value.message
    assert any("insert into public.t" in each for each in said)
    # Its writer has ended: a walsender that was left waiting would make the slot now.
    time.sleep(1.0)
    assert slot_names(source, f"dtsrun_tested_{database}") == []


@pytest.mark.parametrize(("owner", "told"), [("postgres", "postgres"), ("slots_gone", "a dropped role")])
def test_the_wait_names_a_prepared_transaction(
    source_route: Route, database: str, source: Connection, owner: str, told: str
) -> None:
    source.execute("create table t (id int primary key)")
    source.execute("drop role if exists slots_gone; create role slots_gone")
    source.execute(f"begin; insert into t values (1); set local role {owner}; prepare transaction 'left behind'")
    source.execute("drop role slots_gone")
    try:
        with pytest.raises(MigrationError, match=f"prepared transaction 'left behind' of {told} in "):
            make(source_route, database, source, wait=1.0, waiting=lambda said: None)
    finally:
        source.execute("rollback prepared 'left behind'")


def test_the_wait_goes_on_when_the_writer_ends(source_route: Route, database: str, source: Connection) -> None:
    source.execute("create table t (id int primary key)")
    with connect(source_route, database) as writer:
        writer.execute("begin; insert into public.t values (1)")
        threading.Timer(1.0, lambda: writer.execute("commit")).start()
        make(source_route, database, source, waiting=lambda said: None).connection.close()
    assert len(slot_names(source, f"dtsrun_tested_{database}")) == 1


def test_the_user_can_stop_the_wait(source_route: Route, database: str, source: Connection) -> None:
    source.execute("create table t (id int primary key)")

    def stop(said: str) -> None:
        raise Interrupted("the task was stopped")

    with connect(source_route, database) as writer:
        writer.execute("begin; insert into public.t values (1)")
        with pytest.raises(Interrupted):
            make(source_route, database, source, waiting=stop)


def test_a_slot_in_use_is_dropped_all_the_same(
    source_route: Route, database: str, source: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtsrun.incremental.slots.FREE_SECONDS", 0.3)
    source.execute("create table t (id int primary key); create publication p for table t")
    held = make(source_route, database, source)
    held.connection.pgconn.send_query(
        f"START_REPLICATION SLOT {held.name} LOGICAL 0/0 (proto_version '1', publication_names 'p')".encode()
    )
    held.connection.pgconn.get_result()
    drop_slot(source, held.name)
    assert slot_names(source, f"dtsrun_tested_{database}") == []
    drop_slot(source, held.name)
    held.connection.close()


def test_a_copy_begins_where_the_first_one_does(source_route: Route, database: str, source: Connection) -> None:
    source.execute("create table t (id int primary key); create publication p for table t")
    held = make(source_route, database, source)
    source.execute("insert into t values (1), (2)")
    copy_slot(source, held.name, f"{held.name}_1")
    held.connection.close()
    assert counted(source, f"{held.name}_1", "p") == counted(source, held.name, "p") == 2
