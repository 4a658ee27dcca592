"""Promises of reading function bodies: what they name is found, and nothing that cannot be read is an error."""

from __future__ import annotations

import pytest

from dtsrun.inventory.bodies import (
    Body,
    Names,
    Routine,
    edges_of_entries,
    named_by,
    read_body_edges,
    search_path,
    tokenize,
)
from dtsrun.inventory.dump import dump_entries
from dtsrun.postgres.session import connect

RELATIONS = {
    (schema, name): (1259, number)
    for number, (schema, name) in enumerate(
        [
            ("public", "orders"),
            ("public", "customers"),
            ("sales", "orders"),
            ("sales", "items"),
            ("public", "Odd Name"),
            ("public", "counter"),
        ],
        1,
    )
}
ROUTINES = {("public", "price", 1, 1): 101, ("public", "price", 2, 3): 102, ("sales", "total", 0, 0): 103}
NAMES_OF = {oid: f"{s}.{n}" for (s, n), (_, oid) in RELATIONS.items()} | {
    oid: f"{s}.{n}/{least}" for (s, n, least, _), oid in ROUTINES.items()
}


@pytest.fixture
def names() -> Names:
    found = Names({"count", "now"})
    for (schema, name), relation in RELATIONS.items():
        found.add_relation(schema, name, relation)
    for (schema, name, least, most), oid in ROUTINES.items():
        found.add_routine(schema, name, Routine((1255, oid), least, most))
    found.add_routine("public", "count", Routine((1255, 104), 1, 1))
    return found


@pytest.fixture
def named(names):
    """Return what a body names, as names."""

    def named_(text, *, language="plpgsql", schema="public", path=None):
        body = Body(oid=1, schema=schema, language=language, body=text, search_path=path)
        return {NAMES_OF[oid] for _, oid in named_by(body, names)}

    return named_


class TestSql:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("select * from orders", {"public.orders"}),
            ("select * from sales.items i join customers c on c.id = i.id", {"sales.items", "public.customers"}),
            ("insert into orders(id) values (1); delete from sales.items", {"public.orders", "sales.items"}),
            ("update orders set a = 1 from sales.items where true", {"public.orders", "sales.items"}),
            ("with orders as (select 1) select * from orders", set()),
            ("with x as (select * from sales.items) select * from x", {"sales.items"}),
            ("with orders as (select 1) select * from sales.orders", {"sales.orders"}),
            ('select * from "Odd Name"', {"public.Odd Name"}),
            ("select * from ORDERS", {"public.orders"}),
            ('select * from "ORDERS"', set()),
            ("select 'from orders' -- from customers\n /* sales.items */", set()),
            ("select orders from elsewhere", set()),
            ("truncate orders", {"public.orders"}),
            (
                "merge into orders o using sales.items i on true when matched then delete",
                {"public.orders", "sales.items"},
            ),
            ("create temp table mine as select * from customers", {"public.customers"}),
        ],
    )
    def test_relations(self, named, text, expected):
        assert named(text, language="sql") == expected

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("select price(1)", {"public.price/1"}),
            ("select price(1, f(2, 3))", {"public.price/2"}),
            ("select price(array[1, 2])", {"public.price/1"}),
            ("select price()", set()),
            ("select sales.total()", {"sales.total/0"}),
            ("select total()", set()),
            ("select count(*)", set()),
            ("select price from prices", set()),
            ("insert into price(a) values (1)", set()),
        ],
    )
    def test_routines(self, named, text, expected):
        assert named(text, language="sql") == expected


class TestPlpgsql:
    @pytest.mark.parametrize(
        "text",
        [
            "begin select a into b from orders; end",
            "begin select a, b into strict x.y, z[1] from orders where c = 1; end",
            "begin if exists (select from orders) then return 1; end if; end",
            "begin if a > 1 and (select count(*) from orders) > 2 then null; end if; end",
            "declare n int := (select max(id) from orders); begin end",
            "begin n := (select max(id) from orders); end",
            "begin for r in select * from orders loop null; end loop; end",
            "begin for r in execute 'select * from orders' loop null; end loop; end",
            "begin perform 1 from orders; end",
            "begin return query select * from orders; end",
            "begin open c for select * from orders; end",
            "declare c cursor (k int) for select * from orders where id = k; begin end",
            "begin execute 'delete from orders where id = $1' using 1; end",
            "begin insert into orders values (1) returning id into x; end",
            "begin loop insert into orders values (1); exit; end loop; end",
            "begin null; exception when others then insert into orders values (1); end",
            "<<outer>> declare x int; begin update orders set a = case when b then 1 else 2 end where c; end",
            "begin case x when 1 then delete from orders; else null; end case; end",
            "declare r orders%rowtype; begin end",
            "declare r public.orders.id%type; begin end",
            "begin perform 'orders'::regclass; end",
            "begin perform nextval('public.orders'); end",
            "begin create temp table mine on commit drop as select * from orders; end",
            "begin return (select x from unnest(a) x join orders o on o.id = x); end",
        ],
    )
    def test_a_relation_is_found_wherever_it_stands(self, named, text):
        assert named(text) == {"public.orders"}

    @pytest.mark.parametrize(
        "text",
        [
            "declare orders int; begin select 1 into orders; end",
            "begin raise notice 'from orders'; end",
            "begin execute format('select * from %I', x); end",
            "begin execute q; end",
            "begin new.orders := 1; return new; end",
        ],
    )
    def test_a_variable_or_a_string_is_no_relation(self, named, text):
        assert named(text) == set()

    def test_what_follows_something_unreadable_is_still_read(self, named):
        text = "begin select from from where ((; select * from orders; insert into sales.items values (1); end"
        assert "sales.items" in named(text)

    def test_a_call_in_an_assignment(self, named):
        assert named("begin x := public.price(1) + 2; perform sales.total(); end") == {
            "public.price/1",
            "sales.total/0",
        }

    @pytest.mark.parametrize("text", ["", "'", "$$", "((((", "begin", ";;;", "/* open", '"', "select", "into", "%type"])
    def test_nonsense_is_no_error(self, named, text):
        assert named(text) == set()

    def test_a_deeply_nested_query_is_no_error(self, named):
        assert named(f"begin perform {'(' * 3000}select 1 from orders{')' * 3000}; end") <= {"public.orders"}


class TestSearchPath:
    def test_its_own_set_goes_first(self, named):
        text = "select * from orders"
        assert named(text, language="sql", path='sales, "$user", public') == {"sales.orders"}
        assert named(text, language="sql", path="public, sales") == {"public.orders"}
        assert named(text, language="sql", path="elsewhere") == set()

    def test_else_public_and_its_own_schema(self, named):
        assert named("select * from items", language="sql", schema="sales") == {"sales.items"}
        assert named("select * from orders", language="sql", schema="sales") == {"public.orders"}

    def test_quoted_schemas(self):
        body = Body(oid=1, schema="a", language="sql", body="", search_path='"My Schema", pg_temp, b')
        assert search_path(body) == ["My Schema", "b"]


class TestTokens:
    def test_strings_and_comments_are_whole(self):
        text = "a 'it''s' e'x\\'y' $q$ ; $q$ \"B\"\"c\" -- d\n /* e */ 1..2 f := $1"
        assert [t.text for t in tokenize(text)] == [
            "a",
            "'it''s'",
            "e'x\\'y'",
            "$q$ ; $q$",
            '"B""c"',
            "1",
            "..",
            "2",
            "f",
            ":=",
            "$",
            "1",
        ]

    def test_names(self):
        assert [t.name for t in tokenize('AbC "D""e" 1 \'x\'')] == ["abc", 'D"e', "", ""]


FUNCTIONS = """
set check_function_bodies = off;
create schema sales;
create table sales.items (id int);
create sequence public.counter;
create function leaf(a int) returns int language sql as 'select 1';
create function leaf(a int, b int) returns int language sql as 'select 2';
create function reads() returns bigint language sql set search_path = sales as 'select count(*) from items';
create function calls() returns int language plpgsql as $$ begin return leaf(1) + reads(); end $$;
create function again() returns int language plpgsql as $$ begin return again(); end $$;
create function counts() returns bigint language sql as $$ select nextval('counter') $$;
create function broken() returns int language sql as $$ this is no sql $$;
create procedure empty_one() language plpgsql as $$ begin null; end $$;
"""


class TestInADatabase:
    @pytest.fixture
    def edges(self, source_route, database, kinds):
        """Return the labels that each function's body names."""

        def read(text):
            name = database(source_route, text)
            entries = dump_entries(source_route, name, kinds)
            labels = {e.id: e.label for e in entries}
            with connect(source_route, name) as connection:
                found, unread = read_body_edges(connection)
            assert unread == 0
            linked = edges_of_entries(entries, found)
            return {labels[i]: {labels[n] for n in named} for i, named in linked.items()}

        return read

    def test_edges_are_found(self, edges):
        assert edges(FUNCTIONS) == {
            "FUNCTION public.reads()": {"TABLE sales.items"},
            "FUNCTION public.calls()": {"FUNCTION public.leaf(integer)", "FUNCTION public.reads()"},
            "FUNCTION public.counts()": {"SEQUENCE public.counter"},
        }

    def test_what_pg_dump_knows_is_not_said_twice(self, edges):
        text = """
            create table t (id int);
            create function atomic() returns bigint begin atomic select count(*) from t; end;
        """
        assert edges(text) == {}

    def test_bodies_that_take_too_long_are_counted(self, source_route, database):
        with connect(source_route, database(source_route, FUNCTIONS)) as connection:
            found, unread = read_body_edges(connection, seconds=-1)
        assert found == {}
        assert unread == 8
