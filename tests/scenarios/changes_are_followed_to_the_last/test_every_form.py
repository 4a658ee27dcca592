"""Tables and changes of every form are followed to the last by both engines, in databases of every kind of encoding."""

from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, eventually, is_message

from dtsrun.postgres.session import connect

SHOP = """
create type public.mood as enum ('sad', 'glad', 'calm', 'wild');
create domain public.word as text check (value ~ '^[a-z]*$');
create domain public.words as public.word[] check (cardinality(value) < 9);
create table public.feeling (m public.mood, id int, v text, primary key (m, id)) partition by hash (id);
create table public.feeling_0 partition of public.feeling for values with (modulus 2, remainder 0);
create table public.feeling_1 partition of public.feeling for values with (modulus 2, remainder 1);
create table public.day (id int, at date, v text, primary key (id, at)) partition by range (at);
create table public.day_1 partition of public.day for values from (minvalue) to ('2026-07-01');
create table public.day_2 partition of public.day for values from ('2026-07-01') to (maxvalue) partition by list (id);
create table public.day_2_rest partition of public.day_2 default;
create table public.odd (id int primary key, w public.word, ws public.words, nested int[][], moods public.mood[]);
create table public.big (id int primary key, n int, body text, other text);
alter table public.big alter body set storage external, alter other set storage external;
create table public.parent (id int primary key);
create table public.child (id int primary key, parent int references public.parent on delete cascade);
create table public.made (id int generated always as identity primary key, a int,
    b int generated always as (a * 2) stored);
create table public.kept (id int primary key, keep boolean not null, v text);
create table public.by_index (a int not null, b text not null, v text);
create unique index by_index_key on public.by_index (a, b);
create table public.by_row (a int, v text, f float8);
create table public.by_insert (a int, body json);
create unlogged table public.fleeting (id int primary key, v text);
create table public."Odd ""name" ("Größe" int primary key, "a b" text);
create table public.many (id bigint primary key, v text);
insert into public.feeling select (array['sad','glad','calm','wild'])[1 + n % 4]::public.mood, n, 'x'
    from generate_series(1, 400) n;
insert into public.day select n, date '2026-01-01' + n, 'x' from generate_series(1, 300) n;
insert into public.odd select n, 'a', array['a', 'b'], '{{1,2},{3,4}}', '{sad,glad}' from generate_series(1, 50) n;
insert into public.big select n, n, repeat(md5(n::text), 300), repeat(md5(n::text), 300) from generate_series(1, 30) n;
insert into public.parent select generate_series(1, 40);
insert into public.child select n, n from generate_series(1, 40) n;
insert into public.made (a) select generate_series(1, 40);
insert into public.kept select n, n % 2 = 0, 'x' from generate_series(1, 100) n;
insert into public.by_index select n, 'b', 'x' from generate_series(1, 40) n;
insert into public.by_row select n % 5, 'x', n * 0.1 from generate_series(1, 40) n;
insert into public.by_insert select n, '{"a": 1}' from generate_series(1, 40) n;
insert into public.fleeting select n, 'x' from generate_series(1, 40) n;
insert into public."Odd ""name" select n, 'x' from generate_series(1, 40) n;
"""

CHANGES = """
insert into public.feeling select (array['sad','glad','calm','wild'])[1 + n % 4]::public.mood, n, 'new'
    from generate_series(401, 440) n;
update public.feeling set m = 'wild', v = 'moved' where m = 'sad' and id < 100;
delete from public.feeling where m = 'glad' and id < 100;
update public.day set at = at + 180 where id <= 60;
delete from public.day where id between 100 and 120;
update public.odd set w = 'z', ws = ws || 'c'::text, moods = '{wild}', nested = '{{9}}' where id < 20;
insert into public.odd values (1000, null, null, null, null), (1001, '', '{}', '{}', '{}');
update public.big set n = n + 1 where id < 20;
update public.big set id = id + 1000 where id between 5 and 10;
update public.big set body = 'short' where id = 3;
delete from public.parent where id < 10;
insert into public.made (a) select generate_series(1, 10);
update public.made set a = a + 1 where id < 20;
update public.made set id = default where id = 3;
delete from public.made where id = 4;
update public.kept set v = 'y' where id < 50;
update public.kept set keep = not keep where id between 60 and 70;
insert into public.kept values (500, true, 'in'), (501, false, 'out');
update public.by_index set a = a + 100, v = 'y' where a < 10;
delete from public.by_index where a between 20 and 25;
delete from public.by_row where ctid = (select min(ctid) from public.by_row where a = 1);
update public.by_row set v = 'y' where a = 2;
insert into public.by_row values (null, null, null), (7, 'z', 'NaN'), (7, 'z', 'NaN');
insert into public.by_insert select n, '[1]' from generate_series(1, 5) n;
update public.by_insert set a = 99 where a = 1;
update public.fleeting set v = 'y' where id < 9;
update public."Odd ""name" set "a b" = 'ß', "Größe" = "Größe" + 1000 where "Größe" < 9;
truncate public.parent cascade;
insert into public.parent select generate_series(1, 5);
insert into public.child select n, n from generate_series(1, 5) n
"""

NOTE = "create table public.note (id int primary key, v text)"


@pytest.mark.parametrize("engine", ["stream", pytest.param("subscription", marks=pytest.mark.matrix)])
def test_every_table_and_every_change_arrives(bench: Bench, engine: str) -> None:
    bench.on_source(None, "create database shop")
    bench.on_source("shop", SHOP)
    for name, encoding in (("latin", "LATIN1"), ("ascii", "SQL_ASCII")):
        made = "create database {} template template0 encoding {} lc_collate 'C' lc_ctype 'C'"
        bench.on_source(None, sql.SQL(made).format(sql.Identifier(name), encoding))
        bench.on_source(name, NOTE)
        write(bench, name, 1)
    running = bench.start(following(bench, engine), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    for statement in CHANGES.split(";\n"):
        bench.on_source("shop", statement)
    for name in ("latin", "ascii"):
        write(bench, name, 2)
    # A label of the target's own making comes with a repair; until then what uses it waits.
    bench.on_source("shop", "alter type public.mood add value 'new' before 'glad'")
    bench.on_source("shop", "insert into public.odd values (2000, 'e', '{}', '{}', '{new}')")
    eventually(lambda: "mood" in bench.run("repair", "move", "--list").said, 40)
    mended = bench.run("repair", "move")
    assert mended.code == 0, mended.said
    # The line is cut while a large transaction is on its way.
    bench.on_source("shop", "insert into public.many select n, repeat('x', 100) from generate_series(1, 60000) n")
    bench.on_source(None, "select pg_terminate_backend(active_pid) from pg_replication_slots where active")
    bench.on_source("shop", "update public.many set v = 'y' where id % 3 = 0")
    asked = bench.run("complete", "move", "--timeout", "60s")
    assert asked.code == 0, asked.said + bench.run("events", "move").said
    done = running.end()
    assert done.code == 0, done.said
    kept = "delete from public.kept where not keep"
    bench.on_source("shop", kept)  # what the filter leaves out
    assert bench.differences() == []
    assert bench.leftovers() == {}


def following(bench: Bench, engine: str) -> Path:
    incremental = {"engine": engine, "identities": {"public.by_insert": "insert_only"}}
    migration = {
        "type": "full_incremental",
        "objects": {
            "databases": {
                "shop": {"rows": {"public.kept": "keep"}},
                "latin": {},
                "ascii": {},
            }
        },
        "stages": {"incremental": incremental},
    }
    return bench.spec(
        source=bench.endpoint(bench.source),
        target=bench.endpoint(bench.target),
        migration=migration,
        settings={"retry": {"for": "5m"}},
    )


def write(bench: Bench, database: str, number: int) -> None:
    """Write bytes that are no UTF-8, as an old application does."""
    with connect(bench.source.route, database) as connection:
        connection.execute("set client_encoding = " + ("latin1" if database == "latin" else "sql_ascii"))
        connection.execute(b"insert into public.note values (%d, 'gr\xfc\xdfe')" % number)
        connection.execute(b"update public.note set v = v || '\xe9' where id = %d" % number)
