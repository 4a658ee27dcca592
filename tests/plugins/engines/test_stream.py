"""dtsrun carries the changes itself: nothing is lost, nothing comes twice, whatever ends when."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from psycopg import sql

from dtsrun.api import Connection, Identity, Link, LinkTable, Route
from dtsrun.errors import MigrationError
from dtsrun.postgres.lsn import parse_lsn
from dtsrun.postgres.session import connect
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
        # Before version 12, 3 means too many digits.
        side.execute("set extra_float_digits = 0")
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


def test_a_process_that_hangs_is_ended_when_patience_is_and_nothing_is_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.start()
    scene.catch_up()
    os.kill(scene.pid, signal.SIGSTOP)
    scene.source.execute("insert into public.orders select n, 'a' from generate_series(1, 500) n")
    asked: list[float] = []

    def patience(seconds: float) -> float:
        asked.append(seconds)
        return 0.5 if len(asked) == 1 else seconds

    monkeypatch.setattr(scene.context, "patience", patience)
    before = time.monotonic()
    scene.stop()
    assert time.monotonic() - before < asked[0]
    assert scene.status().state == "stopped"
    scene.start()
    scene.catch_up()
    scene.assert_equal("public.orders")


def test_a_link_does_not_go_on_from_another_server_than_it_began_on(scene: Scene) -> None:
    scene.start()
    scene.catch_up()
    scene.stop()
    began = scene.target.execute("update _dtsrun.stream set source = '4711' returning position").fetchone()
    scene.start()
    until(lambda: scene.status().state == "failed")
    assert "began on the server with system identifier 4711" in scene.status().error
    kept = scene.target.execute("select source, position from _dtsrun.stream").fetchone()
    assert kept == ("4711", began.position)


def test_removing_leaves_the_slot_alone_and_can_be_repeated(scene: Scene) -> None:
    scene.start()
    scene.catch_up()
    assert scene.context.creations == [("target", "stream position", scene.link.name, scene.link.database)]
    for _ in range(2):
        scene.engine.remove(scene.context, scene.link)
    assert scene.target.execute("select to_regclass('_dtsrun.stream') as found").fetchone().found is None
    assert scene.source.execute("select from pg_replication_slots where slot_name = %s", [scene.link.name]).rowcount


ODD = '''
    create type public."Mood ""x""" as enum ('sad', 'it''s "ok"');
    create domain public.small as int check (value < 1000000);
    create type public.pair as (a int, b text);
    create schema "odd ""schema""";
    create table "odd ""schema"""."T %s ""1""" (
        "K 'ey" int, "k2 {}" text, m public."Mood ""x""", d public.small, p public.pair, arr text[], nested int[][],
        j json, jb jsonb, x numeric, f float8, b bytea, t timestamptz, i interval, ts tsvector, r int4range,
        pt point, "Weiß" text default 'w', primary key ("k2 {}", "K 'ey"));
    create table public.always (id int generated always as identity primary key, n int, big text);
    create table public.twins (a int, j json, pt point, f float8);
    alter table public.twins replica identity full;
    create table public.big (id int primary key, n int, big text);
    alter table public.big alter big set storage external;
    create table public.bare ();
    create table public.parent (id int primary key);
    create table public.child (id int primary key, parent int references public.parent on delete cascade);
'''
ODD_TARGET = ODD.replace(
    "create table public.big (id int primary key, n int, big text)",
    "create table public.big (big text, extra int default 7, n int, id int primary key)",
)
CHANGES = '''
    insert into "odd ""schema"""."T %s ""1""" values
        (1, 'a', 'it''s "ok"', 5, '(1,"x, y")', array['a', null, '{"'], '{{1,2},{3,4}}', '{"a": 1, "a": 2}',
         '{"z": [1]}', 'NaN', 0.1, '\\x00ff', '2020-02-02 02:02:02.123456+02', '1 mon -3 days', 'a b', '[1,5)',
         '(1,2)', 'ß'),
        (2, 'b', null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null);
    update "odd ""schema"""."T %s ""1""" set "K 'ey" = 9, f = 1e300 where "k2 {}" = 'a';
    update "odd ""schema"""."T %s ""1""" set m = 'sad' where "k2 {}" = 'b';
    insert into public.always (n, big) select n, 'x' from generate_series(1, 5) n;
    update public.always set n = 50 where n = 5;
    update public.always set id = default where n = 2;
    delete from public.always where n = 3;
    insert into public.twins select 1, '{"a": 1}', '(1,2)', 0.1 from generate_series(1, 3);
    insert into public.twins values (null, null, null, null), (2, '[]', '(0,0)', 'Infinity');
    delete from public.twins where ctid = (select min(ctid) from public.twins where a = 1);
    update public.twins set a = 3 where a is null;
    update public.twins set j = '[1]' where a = 2;
    insert into public.big select n, n, repeat(md5(n::text), 5000) from generate_series(1, 3) n;
    update public.big set n = 100 where id = 1;
    update public.big set id = 20 where id = 2;
    insert into public.bare default values; insert into public.bare default values;
    insert into public.parent values (1), (2);
    insert into public.child values (1, 1), (2, 2);
    delete from public.parent where id = 1;
'''


def test_what_is_odd_arrives_as_it_is(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> None:
    with scene_of(source_route, target_route, fresh_database, ODD, ODD_TARGET) as scene:
        scene.start()
        for statement in CHANGES.split(";\n"):
            scene.source.execute(statement)
        scene.catch_up()
        assert scene.status().error is None
        scene.assert_equal(
            'public.always', "public.twins", "public.bare", "public.parent", "public.child",
            'only "odd ""schema"""."T %s ""1"""', "(select id, n, big from public.big)",
        )  # fmt: skip
        counts = scene.status().counts
        assert "missing" not in counts
        # The target's cascade has not fired: the row of the child was deleted by its own message.
        assert counts["deletes"] == 4
        assert scene.target.execute("select distinct extra from public.big").fetchall() == [(7,)]


def test_tables_are_emptied_together_though_others_refer_to_them(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase
) -> None:
    ddl = (
        "create table public.parent (id int primary key); create table public.solo (id serial primary key);"
        " create table public.child (id int primary key, parent int references public.parent)"
    )
    with scene_of(source_route, target_route, fresh_database, ddl) as scene:
        scene.target.execute("create table public.stranger (id int primary key, solo int references public.solo)")
        scene.source.execute("insert into public.solo select from generate_series(1, 3)")
        scene.source.execute("insert into public.parent values (1); insert into public.child values (1, 1)")
        scene.start()
        scene.catch_up()
        scene.source.execute("truncate public.parent cascade")
        scene.source.execute("truncate public.solo restart identity")
        scene.source.execute("insert into public.solo values (7)")
        scene.catch_up()
        assert scene.status().error is None
        scene.assert_equal("public.parent", "public.child", "public.solo")
        assert scene.rows(scene.target, "public.solo") == [("(7)",)]


def test_triggers_of_the_target_do_not_fire_but_those_for_replicas_do(scene: Scene) -> None:
    scene.target.execute(
        "create function public.shout() returns trigger language plpgsql as"
        " $$ begin new.note := new.note || tg_argv[0]; return new; end $$;"
        "create trigger a before insert on public.orders for each row execute function public.shout('!');"
        "create trigger b before insert on public.orders for each row execute function public.shout('?');"
        "alter table public.orders enable replica trigger b"
    )
    scene.source.execute("insert into public.orders values (1, 'a')")
    scene.start()
    scene.catch_up()
    assert scene.rows(scene.target, "public.orders") == [("(1,a?)",)]


def test_an_error_names_table_and_key_and_no_other_value_and_is_overcome_when_it_is_mended(scene: Scene) -> None:
    scene.target.execute("alter table public.orders add check (note <> 'secret')")
    scene.start()
    scene.source.execute("insert into public.orders select n, case n when 17 then 'secret' end"
                         " from generate_series(1, 40) n")  # fmt: skip
    until(lambda: scene.status().state == "failed")
    status = scene.status()
    assert status.table == "public.orders"
    assert "id = 17" in status.error
    assert "23514" in status.error
    assert "secret" not in status.error
    assert scene.rows(scene.target, "public.orders") == []
    scene.target.execute("alter table public.orders drop constraint orders_note_check")
    scene.catch_up()
    until(lambda: scene.status().state == "streaming")
    assert scene.status().error is None
    scene.assert_equal("public.orders")


def test_a_table_or_column_that_the_target_lacks_is_named_and_waited_for(scene: Scene) -> None:
    scene.source.execute("alter table public.orders add more int; insert into public.orders values (1, 'a', 2)")
    scene.target.execute("alter table public.orders rename to hidden")
    scene.start()
    until(lambda: scene.status().state == "failed")
    assert "no table public.orders" in scene.status().error
    scene.target.execute("alter table public.hidden rename to orders")
    until(lambda: "lacks column more" in (scene.status().error or ""))
    assert scene.status().applied is None or scene.status().applied < scene.position()
    scene.target.execute("alter table public.orders add more int")
    scene.catch_up()
    scene.assert_equal("public.orders")


def test_a_row_that_is_there_already_stops_it_and_one_that_is_not_is_counted(scene: Scene) -> None:
    scene.source.execute("insert into public.orders select n from generate_series(1, 3) n")
    scene.start()
    scene.catch_up()
    scene.target.execute("delete from public.orders where id < 3; insert into public.orders values (4)")
    scene.source.execute("update public.orders set note = 'x'; delete from public.orders where id = 1")
    scene.catch_up()
    assert scene.status().counts["missing"] == 3
    assert scene.status().counts["missing public.orders"] == 3
    scene.source.execute("insert into public.orders values (4)")
    until(lambda: scene.status().state == "failed")
    assert "(id)=(4)" in scene.status().error


def test_only_the_tables_of_the_link_are_applied_and_inserts_alone_where_it_says_so(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase
) -> None:
    ddl = "create table public.one (id int primary key); create table public.two (id int primary key, n int);" + (
        "create table public.three (id int primary key)"
    )
    with scene_of(source_route, target_route, fresh_database, ddl) as scene:
        kept = [
            LinkTable(oid=each.oid, schema=each.schema, name=each.name, identity=Identity.INSERT_ONLY)
            if each.name == "two"
            else each
            for each in scene.link.tables
            if each.name != "three"
        ]
        scene.link = replace(scene.link, tables=tuple(kept))
        scene.start()
        scene.source.execute("insert into public.one values (1); insert into public.two values (1, 1), (2, 2)")
        scene.source.execute("insert into public.three values (1); update public.two set n = 5 where id = 1;"
                             " delete from public.two where id = 2; delete from public.one")  # fmt: skip
        scene.catch_up()
        assert scene.rows(scene.target, "public.one") == []
        assert scene.rows(scene.target, "public.two") == [("(1,1)",), ("(2,2)",)]
        assert scene.rows(scene.target, "public.three") == []
        assert scene.status().counts["left out public.two"] == 2


def test_without_the_right_to_switch_triggers_off_it_begins_only_where_none_would_fire(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase
) -> None:
    with scene_of(source_route, target_route, fresh_database, ORDERS) as scene:
        role = f"r_{scene.link.database}"
        target = dict(scene.context.route("target").parameters)
        scene.target.execute(
            sql.SQL("create role {0} login password 'pw'; grant all on public.orders to {0};"
                    " grant create on database {1} to {0}").format(
                sql.Identifier(role), sql.Identifier(scene.target.info.dbname)
            )
        )  # fmt: skip
        try:
            weak = Route(parameters={**target, "user": role, "password": "pw"}, description="weak")
            names = {scene.link.database: scene.target.info.dbname}
            with FakeEngineContext(source=source_route, target=weak, databases=names) as context:
                scene.source.execute("insert into public.orders values (1)")
                scene.engine.start(context, scene.link)
                until(lambda: scene.rows(scene.target, "public.orders") == [("(1,)",)])
                scene.engine.remove(context, scene.link)
                scene.target.execute(
                    "create function public.f() returns trigger language plpgsql as 'begin return new; end';"
                    "create trigger a before insert on public.orders for each row execute function public.f()"
                )
                with pytest.raises(MigrationError, match="session_replication_role.*public.orders"):
                    scene.engine.start(context, scene.link)
        finally:
            scene.target.execute(sql.SQL("drop owned by {0} cascade; drop role {0}").format(sql.Identifier(role)))


def bank(route: Route, database: str, stop: Event, seed: int) -> None:
    """Write transactions whose parts belong together, until told to stop."""
    chance = random.Random(seed)
    with connect(route, database, autocommit=False) as connection:
        number = 0
        while not stop.is_set():
            number += 1
            # In one order: the writers are not to wait for each other in a circle.
            for key in sorted(chance.sample(range(1, 201), chance.randint(1, 4))):
                connection.execute("update public.account set n = n + 1, note = %s where id = %s",
                                   [str(number), key])  # fmt: skip
            connection.execute("insert into public.log (writer, n) values (%s, %s)", [seed, number])
            if chance.random() < 0.1:
                connection.execute("delete from public.log where writer = %s and n < %s", [seed, number - 50])
            connection.commit() if chance.random() < 0.95 else connection.rollback()


BANK = (
    "create table public.account (id int primary key, n int not null, note text);"
    "create table public.log (id bigserial primary key, writer int, n int);"
    "insert into public.account select n, 0 from generate_series(1, 200) n"
)


def test_killed_at_any_moment_it_goes_on_exactly_where_it_was(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase
) -> None:
    chance = random.Random(7)
    with scene_of(source_route, target_route, fresh_database, BANK) as scene:
        stop = Event()
        writers = [Thread(target=bank, args=(source_route, scene.link.database, stop, seed)) for seed in range(3)]
        for writer in writers:
            writer.start()
        try:
            for round_ in range(6):
                scene.start()
                time.sleep(chance.uniform(0.5, 1.5))
                if round_ % 3 == 2:
                    # Both servers cut their lines.
                    for side in (scene.source, scene.target):
                        side.execute("select pg_terminate_backend(pid) from pg_stat_activity"
                                     " where application_name like 'dtsrun stream%%'")  # fmt: skip
                else:
                    os.kill(scene.pid, signal.SIGKILL)
                    until(lambda: not scene.engine._processes[scene.link.name].is_alive)
        finally:
            stop.set()
            for writer in writers:
                writer.join()
        scene.start()
        scene.catch_up(60)
        scene.assert_equal("public.account", "public.log")
        assert "missing" not in scene.status().counts
        assert scene.status().counts["updates"] > 100


def test_no_process_is_left_when_the_runner_is_gone(scene: Scene) -> None:
    scene.start()
    scene.catch_up()
    process = scene.engine._processes[scene.link.name]
    # What a runner's end does, however it ends: the pipe breaks.
    process._pipe.close()
    until(lambda: not process.is_alive, 10)
    assert process._process.exitcode == 0


@pytest.mark.slow
def test_a_transaction_of_a_million_rows_takes_no_memory(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase
) -> None:
    with scene_of(source_route, target_route, fresh_database, ORDERS) as scene:
        scene.start()
        scene.catch_up()
        scene.source.execute("insert into public.orders select n, repeat('x', 60) from generate_series(1, 1000000) n")
        scene.catch_up(300)
        with Path(f"/proc/{scene.pid}/status").open() as lines:
            [peak] = [int(line.split()[1]) for line in lines if line.startswith("VmHWM")]
        assert peak < 150_000, f"{peak} kB"
        count = "select count(*) as n, sum(id) as s from public.orders"
        assert scene.target.execute(count).fetchone() == scene.source.execute(count).fetchone()


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("source", "target"), [(10, 10), (10, 18), (11, 14), (12, 13), (13, 17), (14, 15), (15, 16), (17, 18), (18, 18)]
)
def test_every_version_is_carried(
    postgres_server: Callable[[int], Route], fresh_database: FreshDatabase, source: int, target: int
) -> None:
    with scene_of(postgres_server(source), postgres_server(target), fresh_database, ODD) as scene:
        scene.start()
        for statement in CHANGES.split(";\n"):
            scene.source.execute(statement)
        scene.source.execute("insert into public.twins select 8, '{}', '(1,1)', 0.1 + 0.2 from generate_series(1, 70)")
        if source >= 11:
            scene.source.execute("truncate public.bare")
        scene.catch_up()
        assert scene.status().error is None
        scene.assert_equal("(select float8send(f) from public.twins)")
        scene.assert_equal(
            '"odd ""schema"""."T %s ""1"""', "public.always", "public.twins", "public.big", "public.bare"
        )
        assert "missing" not in scene.status().counts
