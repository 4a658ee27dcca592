"""A row filter is one boolean expression, an SQL check one query that reads: nothing else gets through."""

from __future__ import annotations

from typing import Final

import psycopg
import pytest
from psycopg import sql

from dtsrun.api import Route
from dtsrun.postgres.session import connect
from dtsrun.spec.queries import MAX_LENGTH, check_query, check_row_filter

UNDEFINED_COLUMN: Final = "42703"
UNDEFINED_SCHEMA: Final = "3F000"

CONDITIONS: Final = (
    "created_at >= date '2026-01-01'",
    "active",
    "not deleted and (state = 'open' or total > 10.5)",
    "id % 2 = 0",
    "country in ('de', 'fr')",
    "(a, b) = (1, 2)",
    "name like 'x%' escape '!'",
    "name ~* '^a'",
    "tags && array['x', 'y']",
    "tags @> '{a}'",
    "doc ? 'key'",
    "doc ->> 'state' = 'open'",
    'doc @> \'{"a": {"b": 1}}\'',
    "x = any(array[1, 2])",
    "during << tstzrange(now(), null)",
    "a is distinct from b",
    "a is not unknown",
    "a between 1 and 2",
    "at at time zone 'UTC' > now() - interval '1 day'",
    "coalesce(flag, false)",
    "flag::boolean",
    "case when a then b else c end",
    "my_schema.is_wanted(id)",
    '"Weird;--Name" = 1',
    "note = 'it''s; drop -- table /* x'",
    "note = $$a ) ; -- $$",
    "note = $q$it's$q$",
    "note = e'it\\'s; --'",
    "price$usd > 1",
    "true",
)


@pytest.mark.parametrize("text", CONDITIONS)
def test_conditions_on_a_row_are_accepted(text: str) -> None:
    check_row_filter(text)


def test_postgresql_reads_them_as_one_condition_too(source_route: Route) -> None:
    with connect(source_route, purpose="filters") as connection:
        for text in CONDITIONS:
            query = sql.SQL("select 1 from pg_catalog.pg_class where ({}) and true").format(sql.SQL(text))
            try:
                connection.execute(query)
            except psycopg.Error as error:
                # The columns are not there, of course.
                assert error.sqlstate in (UNDEFINED_COLUMN, UNDEFINED_SCHEMA), text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("id in (select id from chosen)", "found a subquery"),
        ("exists (select 1)", "found a subquery"),
        ("(select true)", "found a subquery"),
        ("array(select 1) = a", "found a subquery"),
        ("count(*) > 1", "found an aggregate"),
        ("bool_and(a)", "found an aggregate"),
        ("jsonb_agg(a) is null", "found an aggregate"),
        ("RANGE_AGG(a) is null", "found an aggregate"),
        ("mine(a) filter (where b)", "found an aggregate"),
        ("percentile_cont(0.5) within group (order by a) > 1", "found an aggregate"),
        ("row_number() over (order by a) < 10", "found a window function"),
        ("lag(a) over w = 1", "found a window function"),
        ("id = $1", "found a parameter"),
        ("id = :id", "found a parameter"),
        ("1", "neither true nor false"),
        ("'t'", "neither true nor false"),
        ("a + 1", "neither true nor false"),
        ("a || 'x'", "neither true nor false"),
        ("(a)::int", "neither true nor false"),
        ("(1)", "neither true nor false"),
        ("null", "neither true nor false"),
        ("(a, b)", "neither true nor false"),
        ("*", "neither true nor false"),
        ("-a", "neither true nor false"),
    ],
)
def test_what_is_more_or_other_than_a_condition_is_refused(text: str, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        check_row_filter(text)


@pytest.mark.parametrize(
    "text",
    [
        "a = 1; drop table orders",
        "a = 1);drop table orders;--",
        "a = 1) or (true",
        "a = 1 -- and b = 2",
        "a = 1 /* and b = 2 */",
        "a = 1 --\n and b",
        "a = 1 -",
        "a = 'x",
        'a = "x',
        "a = $$x",
        "(a = 1",
        "a[1) = 2]",
        "a = e'x\\' or b = 'y'",
        "a = 'x\\' or 1=1 -- '",
        "drop table orders",
        "delete from orders",
        "select 1",
        "with x as (select 1) select true",
        "a = 1 union select 2",
        "a = 1 limit 5",
        "a = 1 order by b",
        "a, b",
        "a as b",
        "where a = 1",
        "a b",
        "values",
        "",
        "   ",
    ],
)
def test_nothing_gets_out_of_a_filters_parentheses(text: str) -> None:
    with pytest.raises(ValueError, match="^expected"):
        check_row_filter(text)


@pytest.mark.parametrize("text", ["(" * 3000 + "a" + ")" * 3000, "a or " * (MAX_LENGTH // 4) + "a"])
def test_monstrous_filters_are_refused_without_harm(text: str) -> None:
    with pytest.raises(ValueError, match="^expected"):
        check_row_filter(text)


def test_a_refusal_does_not_quote_the_filter() -> None:
    with pytest.raises(ValueError, match="cannot be parsed") as caught:
        check_row_filter("ssn = = '078-05-1120'")
    assert "078" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "select id as subject, state as observed from orders where state = 'packing'",
        "select 1;",
        "with x as (select 1 as a) select * from x",
        "select 1 union all select 2",
        "(select 1)",
        "values (1), (2)",
        "table orders",
        "-- why\nselect count(*) over () from (select 1) as q /* end */",
    ],
)
def test_queries_that_read_are_accepted(text: str) -> None:
    check_query(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("delete from orders", "another statement"),
        ("drop table orders", "another statement"),
        ("explain analyze select 1", "another statement"),
        ("copy orders to program 'sh'", "another statement"),
        ("set role postgres", "another statement"),
        ("do $$ begin end $$", "another statement"),
        ("; select 1", "another statement"),
        ("select 1; select 2", "2 statements"),
        ("select 1; drop table orders", "2 statements"),
        ("", "no statements"),
        ("-- nothing", "no statements"),
        ("with gone as (delete from orders returning *) select * from gone", "writes or locks"),
        ("with x as (select 1) delete from orders", "writes or locks"),
        ("select * into copy from orders", "writes or locks"),
        ("select * from orders for update", "writes or locks"),
        ("select * from (select 1", "cannot be parsed"),
        ("select 'x", "cannot be parsed"),
        ("(" * 3000, "expected one query"),
    ],
)
def test_what_is_not_one_reading_query_is_refused(text: str, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        check_query(text)
