"""The user's own queries are checks: every row is a finding, and nothing is ever written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from dtsrun.api import CheckResult, Connection, Outcome, Route
from dtsrun.engine.checks import run_checks
from dtsrun.engine.policy import Policy
from dtsrun.engine.sql_checks import MOST_ROWS, read_rows, sql_checks
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeCheckContext, make_spec

CHECK = {"id": "orders", "side": "source", "title": "no order is packed", "sql": "select 1"}


@pytest.fixture
def shop(source_route: Route, fresh_database: Any) -> str:
    """A database of the source with two orders."""
    name: str = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.orders (id int, state text)")
        connection.execute("insert into public.orders values (17, 'packing'), (18, 'packing')")
    return name


@pytest.fixture
def connection(source_route: Route, shop: str) -> Iterator[Connection]:
    """A session that may write, so that only the check itself keeps it from doing so."""
    with connect(source_route, shop) as opened:
        yield opened


@pytest.fixture
def made(source_route: Route, target_route: Route, shop: str) -> Callable[..., CheckResult]:
    """Make one SQL check as a task does."""

    def make(**changes: Any) -> CheckResult:
        document = {"undetermined": "off", "sql_checks": [{**CHECK, **changes}]}
        spec = make_spec({shop: shop})
        with FakeCheckContext(source=source_route, target=target_route, spec=spec) as context:
            made = sql_checks(document)
            [result] = run_checks(made, Policy(document), spec.migration_type, lambda check, options: context)
        return result

    return make


def test_each_row_is_a_finding_named_by_its_database(made: Any, shop: str) -> None:
    query = "select id as subject, state as observed, 'sent' as expected, 'still here' as message from public.orders"
    result = made(sql=query, fix="finish it", severity="alarm")
    assert (result.check, result.title, result.outcome) == ("sql.orders", "no order is packed", Outcome.ALARM)
    first, second = result.findings
    assert (first.subject, second.subject) == (f"{shop}.17", f"{shop}.18")
    assert (first.observed, first.expected, first.message) == ("packing", "sent", "still here")
    assert (first.fix.text, first.fix.side) == ("finish it", "source")
    assert first.evidence["query"] == query


def test_a_query_without_known_columns_shows_what_it_returns(made: Any, shop: str) -> None:
    [finding] = made(sql="select count(*) as n, null as nothing from public.orders").findings
    assert (finding.subject, finding.observed) == (shop, "n = 2, nothing = ")
    assert finding.message == "not so: no order is packed"


def test_no_rows_is_passed(made: Any) -> None:
    assert made(sql="select id from public.orders where state = 'lost'").outcome is Outcome.PASSED


def test_values_are_shown_as_the_server_writes_them(made: Any) -> None:
    query = "select date '0044-03-15 BC' as d, true as b, jsonb '{\"a\": 1}' as j, array[1, 2] as a, 1.50::numeric as n"
    [finding] = made(sql=query).findings
    assert finding.observed == 'd = 0044-03-15 BC, b = t, j = {"a": 1}, a = {1,2}, n = 1.50'


def test_percent_signs_and_colons_are_the_servers_business(made: Any) -> None:
    [finding] = made(
        sql="select state::text as observed from public.orders where state like 'pack%' and 7 % 2 = 1 limit 1"
    ).findings
    assert finding.observed == "packing"


@pytest.mark.parametrize(
    "query",
    [
        "delete from public.orders returning id",
        "with gone as (delete from public.orders returning id) select * from gone",
        "select 1; delete from public.orders",
        "select 1; commit; delete from public.orders",
        "select nextval('public.numbers')",
        "select public.writes()",
        "select set_config('transaction_read_only', 'off', false), public.writes()",
        "select * from public.orders for update",
    ],
)
def test_nothing_is_written_even_by_what_the_spec_would_not_let_through(connection: Connection, query: str) -> None:
    connection.execute("create sequence public.numbers")
    connection.execute(
        "create function public.writes() returns int language sql as 'delete from public.orders returning id'"
    )
    with pytest.raises(psycopg.Error):
        read_rows(connection, query)
    assert connection.execute("select count(*) as n from public.orders").fetchone().n == 2
    assert connection.execute("select is_called from public.numbers").fetchone().is_called is False


def test_settings_that_a_query_changes_are_gone_with_it(connection: Connection) -> None:
    read_rows(connection, "select set_config('statement_timeout', '1h', false), set_config('role', 'none', false)")
    assert connection.execute("show statement_timeout").fetchone().statement_timeout == "0"


def test_a_flood_of_rows_is_cut_and_said(connection: Connection) -> None:
    rows, is_cut = read_rows(connection, "select * from generate_series(1, 1000000)", 3)
    assert ([row["generate_series"] for row in rows], is_cut) == (["1", "2", "3"], True)
    assert read_rows(connection, "select * from generate_series(1, 3)", 3)[1] is False


def test_a_flood_is_a_finding_too(made: Any) -> None:
    findings = made(sql=f"select * from generate_series(0, {MOST_ROWS})").findings
    assert len(findings) == MOST_ROWS + 1
    assert findings[-1].message == f"the query found more than {MOST_ROWS} rows"


def test_an_error_is_no_pass_and_names_the_database(made: Any, shop: str) -> None:
    result = made(sql="select * from public.nowhere")
    assert result.outcome is Outcome.UNDETERMINED
    assert f'in {shop}: relation "public.nowhere" does not exist' in result.reason


def test_a_name_that_needs_its_schema_is_told_so(made: Any) -> None:
    assert "the search_path is empty here: write schema.name" in made(sql="select 1 from orders").reason


def test_a_query_that_takes_too_long_is_undetermined(
    source_route: Route, shop: str, monkeypatch: pytest.MonkeyPatch, made: Any
) -> None:
    monkeypatch.setattr("dtsrun.engine.checking.CHECK_SETTINGS", {"statement_timeout": "100ms"})
    result = made(sql="select pg_sleep(30)")
    assert result.outcome is Outcome.UNDETERMINED
    assert "statement timeout" in result.reason


def test_the_target_is_asked_where_the_database_exists(
    made: Any, shop: str, target_route: Route, fresh_database: Any
) -> None:
    absent = made(side="target")
    assert (absent.outcome, absent.reason) == (Outcome.SKIPPED, "none of the databases is on the target yet")
    assert f"no database '{shop}'" in made(side="target", database=shop).reason
    fresh_database(target_route, name=shop)
    assert made(side="target").findings[0].subject == shop


def test_a_named_database_alone_is_asked(made: Any) -> None:
    assert [finding.subject for finding in made(database="postgres").findings] == ["postgres"]


def test_one_that_is_switched_off_is_skipped(made: Any) -> None:
    assert made(severity="off", sql="select * from nowhere").outcome is Outcome.SKIPPED
