"""The target pulls: nothing is lost, nothing comes twice, and nothing is left."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from dtsrun.api import Connection, Link, LinkTable, Route
from dtsrun.errors import AccessError
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import EngineContract
from dtsrun.testing.fakes import FakeEngineContext
from dtsrun.testing.servers import THROWAWAY, FreshDatabase
from dtsrun_plugins.engines.subscription import Subscription

TABLE = "create table public.orders (id int primary key, note text)"


class TestSubscription(EngineContract):
    plugin = Subscription


@pytest.fixture
def context(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> Iterator[FakeEngineContext]:
    source, target = fresh_database(source_route), fresh_database(target_route)
    with FakeEngineContext(source=source_route, target=target_route, databases={source: target}) as context:
        context.source(source).execute(TABLE)
        context.target(source).execute(TABLE)
        yield context


@pytest.fixture
def link(context: FakeEngineContext) -> Iterator[Link]:
    """A slot of three rows' age, with its publication, dropped after the test."""
    [database] = context.spec.selection.databases
    with made_link(context, database, f"dtsrun_{database}") as link:
        yield link


@contextmanager
def made_link(context: FakeEngineContext, database: str, name: str) -> Iterator[Link]:
    source = context.source(database)
    source.execute(f'create publication "{name}" for table public.orders')
    slot = source.execute("select lsn::text from pg_create_logical_replication_slot(%s, 'pgoutput')", [name]).fetchone()
    yield Link(
        name=name,
        database=database,
        epoch=1,
        publications=(name,),
        start_lsn=parse_lsn(slot.lsn),
        tables=(LinkTable(oid=1, schema="public", name="orders"),),
    )
    Subscription().remove(context, Link(name=name, database=database, epoch=1, publications=(), start_lsn=0))
    until(
        lambda: not source.execute("select active from pg_replication_slots where slot_name = %s", [name]).fetchone()[0]
    )
    source.execute("select pg_drop_replication_slot(%s)", [name])


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


def rows(connection: Connection) -> list[tuple[int, str]]:
    return [tuple(row) for row in connection.execute("select id, note from public.orders order by id").fetchall()]


def applied_all(context: FakeEngineContext, link: Link) -> bool:
    position = context.source(link.database).execute("select pg_current_wal_flush_lsn()::text as lsn").fetchone().lsn
    return (Subscription().status(context, link).applied or 0) >= parse_lsn(position)


def test_what_was_written_since_the_slot_arrives_and_pausing_keeps_the_position(
    context: FakeEngineContext, link: Link
) -> None:
    source, target, engine = context.source(link.database), context.target(link.database), Subscription()
    source.execute("insert into public.orders select n, 'a' from generate_series(1, 500) n")
    engine.start(context, link)
    until(lambda: len(rows(target)) == 500)
    engine.stop(context, link)
    assert engine.status(context, link).state == "stopped"
    source.execute("update public.orders set note = 'b' where id = 1; delete from public.orders where id > 2")
    time.sleep(0.3)
    assert len(rows(target)) == 500
    engine.start(context, link)
    until(lambda: rows(target) == [(1, "b"), (2, "a")])
    until(lambda: applied_all(context, link))
    until(lambda: engine.status(context, link).state == "streaming")
    assert context.creations == [("target", "subscription", link.name, link.database)]


def test_what_is_stopped_as_it_starts_does_not_take_the_slot_up(context: FakeEngineContext, link: Link) -> None:
    source, engine = context.source(link.database), Subscription()
    query = "select active from pg_replication_slots where slot_name = %s"
    for moment in range(30):
        engine.start(context, link)
        time.sleep(moment * 0.001)  # the worker is not there yet, starts, connects, or reads
        engine.stop(context, link)
        until_then = time.monotonic() + 0.05
        while time.monotonic() < until_then:
            assert not source.execute(query, [link.name]).fetchone().active


def test_removing_leaves_the_slot_alone_and_can_be_repeated(context: FakeEngineContext, link: Link) -> None:
    engine = Subscription()
    engine.start(context, link)
    for _ in range(2):
        engine.remove(context, link)
    assert (
        context.target(link.database).execute("select from pg_subscription where subname = %s", [link.name]).rowcount
        == 0
    )
    assert (
        context.source(link.database)
        .execute("select from pg_replication_slots where slot_name = %s", [link.name])
        .rowcount
    )
    assert engine.status(context, link).state == "failed"


def test_where_the_target_cannot_reach_the_source_stream_is_named(context: FakeEngineContext, link: Link) -> None:
    context._routes["source"] = replace(context.route("source"), peer=None)
    with pytest.raises(AccessError) as caught:
        Subscription().start(context, link)
    assert "stream" in (caught.value.hint or "")


def test_the_password_is_in_no_session_and_in_no_log(
    context: FakeEngineContext, link: Link, target_route: Route
) -> None:
    target = context.target(link.database)
    target.execute("set log_statement = 'all'")
    Subscription().start(context, link)
    password = context.route("source").parameters["password"]
    with connect(target_route) as other:
        seen = other.execute("select query from pg_stat_activity where pid = %s", [target.info.backend_pid]).fetchone()
    assert password not in seen.query
    # The setting of the session is as it was, and held back only what has the password.
    assert target.execute("show log_statement").fetchone()[0] == "all"


def test_a_table_that_is_taken_out_is_forgotten_and_the_others_flow_on(context: FakeEngineContext, link: Link) -> None:
    source, target, engine = context.source(link.database), context.target(link.database), Subscription()
    for end in (source, target):
        end.execute("create table public.aside (id int primary key)")
    source.execute(f'alter publication "{link.name}" add table public.aside')
    both = replace(link, tables=(*link.tables, LinkTable(oid=2, schema="public", name="aside")))
    engine.start(context, both)
    subscribed = "select srrelid::regclass::text as name from pg_subscription_rel order by 1"
    assert [row.name for row in target.execute(subscribed).fetchall()] == ["public.aside", "public.orders"]
    source.execute("insert into public.orders values (1, 'a')")
    until(lambda: len(rows(target)) == 1)
    engine.stop(context, both)
    source.execute(f'alter publication "{link.name}" drop table public.orders')
    rest = replace(both, tables=both.tables[1:])
    for _ in range(2):
        engine.take_out(context, rest)
        assert [row.name for row in target.execute(subscribed).fetchall()] == ["public.aside"]
        assert engine.status(context, rest).state == "stopped"
    source.execute("insert into public.orders values (2, 'b'); insert into public.aside values (7)")
    engine.start(context, rest)
    until(lambda: target.execute("select from public.aside where id = 7").rowcount)
    assert rows(target) == [(1, "a")]


def test_a_worker_that_has_no_room_names_the_setting(
    source_route: Route, fresh_database: FreshDatabase, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = {**THROWAWAY, "max_logical_replication_workers": "1"}
    server = PrivateServer(tmp_path_factory.mktemp("narrow") / "server", 18, settings=settings)
    server.start()
    try:
        source = fresh_database(source_route)
        with FakeEngineContext(source=source_route, target=server.route, databases={source: "postgres"}) as context:
            context.source(source).execute(TABLE)
            context.target(source).execute(TABLE)
            with (
                made_link(context, source, f"dtsrun_{source}_1") as first,
                made_link(context, source, f"dtsrun_{source}_2") as second,
            ):
                engine = Subscription()
                engine.start(context, first)
                until(lambda: engine.status(context, first).state == "streaming")
                engine.start(context, second)
                error = engine.status(context, second).error or ""
                assert "1 of the 1 that max_logical_replication_workers of the target allows are taken" in error
                assert "alter system set max_logical_replication_workers = 5; and restart the server" in error
    finally:
        server.destroy()
