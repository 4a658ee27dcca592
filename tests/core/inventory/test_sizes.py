"""How much the spec selects, by the catalog alone."""

from __future__ import annotations

from typing import Any

import pytest

from dtsrun.api import DatabaseSelection, Pattern, Route, Selection
from dtsrun.errors import SpecError
from dtsrun.inventory.sizes import selected_bytes
from dtsrun.postgres.session import connect

TABLES = """
create schema sales;
create table public.plain as select g as id, repeat('x', 500) as filler from generate_series(1, 2000) g;
create table sales.orders as select * from public.plain;
create table sales.empty (id int);
create table sales.events (day int, filler text) partition by range (day);
create table sales.events_1 partition of sales.events for values from (0) to (10);
create table sales.events_2 partition of sales.events for values from (10) to (20);
insert into sales.events select 5, filler from public.plain;
insert into sales.events select 15, filler from public.plain;
create view public.seen as select * from public.plain;
"""


@pytest.fixture
def shop(source_route: Route, fresh_database: Any) -> str:
    name: str = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute(TABLES)
    return name


def tables(route: Route, database: str, *names: str) -> int:
    with connect(route, database) as connection:
        return sum(connection.execute("select pg_table_size(%s::regclass) as n", [name]).fetchone().n for name in names)


def size(route: Route, name: str, *, include: Any = (), exclude: Any = (), rows: Any = None) -> int:
    chosen = DatabaseSelection(
        name=name, target=name, include=patterns(include), exclude=patterns(exclude), rows=rows or {}
    )
    selection = Selection(entire_instance=False, databases={name: chosen})
    return selected_bytes(selection, lambda database: connect(route, database))


def patterns(said: Any) -> tuple[Pattern, ...]:
    return tuple(Pattern(selector=selector, text=text) for selector, text in said)


ALL = ("public.plain", "sales.orders", "sales.empty", "sales.events_1", "sales.events_2")


def test_nothing_said_means_all_tables(source_route: Route, shop: str) -> None:
    assert size(source_route, shop) == tables(source_route, shop, *ALL) > 3_000_000


@pytest.mark.parametrize(
    ("said", "counted"),
    [
        ({"include": [("schema", "public")]}, ALL[:1]),
        ({"include": [("table", "sales.o*")]}, ALL[1:2]),
        ({"include": [("table", "sales.events")]}, ALL[3:]),
        ({"include": [("schema", "sales")], "exclude": [("table", "sales.events_2")]}, ALL[1:4]),
        ({"exclude": [("table", "sales.events")]}, ALL[:3]),
        ({"include": [("view", "public.seen")]}, ()),
        ({"rows": {"public.plain": "id < 5", "sales.orders": None, "sales.events": None}}, (ALL[0], ALL[2])),
    ],
)
def test_what_the_spec_says_counts(source_route: Route, shop: str, said: Any, counted: tuple[str, ...]) -> None:
    assert size(source_route, shop, **said) == tables(source_route, shop, *counted)


def test_the_entire_instance_is_all_databases(source_route: Route, shop: str) -> None:
    whole = selected_bytes(Selection(entire_instance=True), lambda database: connect(source_route, database))
    assert whole >= size(source_route, shop)


def test_a_database_that_is_not_there_is_told(source_route: Route) -> None:
    with pytest.raises(SpecError, match="no_such"):
        size(source_route, "no_such")
