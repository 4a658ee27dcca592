"""dtsrun carries the changes itself: nothing is lost, nothing comes twice, whatever ends when."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import sql

from dtsrun.api import Connection, Identity, Link, LinkTable, Route
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.testing.contracts import EngineContract
from dtsrun.testing.fakes import FakeEngineContext
from dtsrun.testing.servers import FreshDatabase
from dtsrun_plugins.engines.stream import Stream

ORDERS = "create table public.orders (id int primary key, note text)"


class TestStream(EngineContract):
    plugin = Stream


def until(holds: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)


class Scene:
    """A followed database with a source, a target, and the engine between them."""

    def __init__(self, context: FakeEngineContext, link: Link, engine: Stream) -> None:
        self.context = context
        self.link = link
        self.engine = engine

    @property
    def source(self) -> Connection:
        return self.context.source(self.link.database)

    @property
    def target(self) -> Connection:
        return self.context.target(self.link.database)

    def start(self) -> None:
        self.engine.start(self.context, self.link)

    def stop(self) -> None:
        self.engine.stop(self.context, self.link)

    def status(self) -> Any:
        return self.engine.status(self.context, self.link)

    @property
    def pid(self) -> int:
        pid = self.engine._processes[self.link.name].pid
        assert pid is not None
        return pid

    def position(self) -> int:
        return parse_lsn(self.source.execute("select pg_current_wal_lsn()::text as lsn").fetchone().lsn)

    def catch_up(self, seconds: float = 30) -> None:
        """Wait until all that is committed by now has arrived."""
        # What is not flushed on the source is not sent.
        self.source.execute("set synchronous_commit = on")
        self.source.execute("create table public.flushed (n int); drop table public.flushed")
        position = self.position()
        until(lambda: (self.status().applied or 0) >= position, seconds)

    def rows(self, side: Connection, table: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in side.execute(f"select t::text from {table} t order by 1").fetchall()]

    def assert_equal(self, *tables: str) -> None:
        for table in tables:
            assert self.rows(self.target, table) == self.rows(self.source, table), table


@contextmanager
def scene_of(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase, ddl: str, target_ddl: str = ""
) -> Iterator[Scene]:
    source, target = fresh_database(source_route), fresh_database(target_route)
    with FakeEngineContext(source=source_route, target=target_route, databases={source: target}) as context:
        context.source(source).execute(ddl)
        context.target(source).execute(target_ddl or ddl)
        link = make_link(context, source)
        engine = Stream()
        try:
            yield Scene(context, link, engine)
        finally:
            engine.remove(context, link)
            context.source(source).execute("select pg_drop_replication_slot(%s)", [link.name])


def make_link(context: FakeEngineContext, database: str) -> Link:
    """Publish all tables and make the slot."""
    name = f"dtsrun_{database}"
    connection = context.source(database)
    rows = connection.execute(
        "select c.oid, n.nspname::text as schema, c.relname::text as name, c.relreplident::text as identity"
        "  from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind = 'r' and n.nspname !~ '^(pg_|information_schema)'"
    ).fetchall()
    names = sql.SQL(", ").join(sql.Identifier(row.schema, row.name) for row in rows)
    connection.execute(
        sql.SQL("create publication {} for table only {}").format(sql.Identifier(name), names)
        if len(rows) == 1
        else sql.SQL("create publication {} for table {}").format(sql.Identifier(name), names)
    )
    slot = connection.execute("select lsn::text from pg_create_logical_replication_slot(%s, 'pgoutput')", [name])
    return Link(
        name=name,
        database=database,
        epoch=1,
        publications=(name,),
        start_lsn=parse_lsn(slot.fetchone().lsn),
        tables=tuple(
            LinkTable(
                oid=row.oid,
                schema=row.schema,
                name=row.name,
                identity=Identity.FULL if row.identity == "f" else Identity.KEY,
            )
            for row in rows
        ),
    )


@pytest.fixture
def scene(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> Iterator[Scene]:
    with scene_of(source_route, target_route, fresh_database, ORDERS) as scene:
        yield scene


def test_what_was_written_since_the_slot_arrives_and_pausing_keeps_the_position(scene: Scene) -> None:
    scene.source.execute("insert into public.orders select n, 'a' from generate_series(1, 500) n")
    scene.start()
    scene.catch_up()
    scene.assert_equal("public.orders")
    assert scene.status().state == "streaming"
    assert scene.status().counts["inserts"] == 500
    scene.stop()
    assert scene.status().state == "stopped"
    scene.source.execute("update public.orders set note = 'b' where id = 1; delete from public.orders where id > 2")
    time.sleep(0.3)
    assert len(scene.rows(scene.target, "public.orders")) == 500
    scene.start()
    scene.catch_up()
    assert scene.rows(scene.target, "public.orders") == [("(1,b)",), ("(2,a)",)]
    counts = scene.status().counts
    assert (counts["inserts"], counts["updates"], counts["deletes"]) == (500, 1, 498)


def test_removing_leaves_the_slot_alone_and_can_be_repeated(scene: Scene) -> None:
    scene.start()
    scene.catch_up()
    for _ in range(2):
        scene.engine.remove(scene.context, scene.link)
    assert scene.target.execute("select to_regclass('_dtsrun.stream') as found").fetchone().found is None
    assert scene.source.execute("select from pg_replication_slots where slot_name = %s", [scene.link.name]).rowcount
