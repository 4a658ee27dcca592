"""A session means the same whatever is attached to its role and database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from dtsrun.api import Route
from dtsrun.postgres.session import SETTINGS, apply_settings, connect, runner_name

HOSTILE = {
    "search_path": "elsewhere",
    "datestyle": "German, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Tokyo",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "standard_conforming_strings": "off",
    "quote_all_identifiers": "on",
    "default_transaction_read_only": "on",
    "default_transaction_isolation": "serializable",
    "array_nulls": "off",
    "statement_timeout": "7000",
    "client_encoding": "latin1",
    "row_security": "on",
}


@pytest.fixture
def hostile(source_route: Route, fresh_database) -> Iterator[str]:
    """A database with settings that change what values mean."""
    name = fresh_database(source_route)
    with connect(source_route) as connection:
        for setting, value in HOSTILE.items():
            statement = sql.SQL("alter database {} set {} to {}")
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)))
    yield name


def test_settings_of_a_database_do_not_reach_us(source_route: Route, hostile: str) -> None:
    with connect(source_route, hostile) as connection:
        rows = connection.execute(
            "select name, setting from pg_catalog.pg_settings where lower(name) = any(%s)", [list(HOSTILE)]
        ).fetchall()
    assert {row.name.lower(): row.setting for row in rows} == {name: SETTINGS[name] for name in HOSTILE}


def test_they_would_reach_anybody_else(source_route: Route, hostile: str) -> None:
    with psycopg.connect(source_route.conninfo(hostile), autocommit=True) as connection:
        assert connection.execute("show timezone").fetchone() == ("Asia/Tokyo",)


def test_it_can_write_although_the_database_is_read_only_by_default(source_route: Route, hostile: str) -> None:
    with connect(source_route, hostile) as connection:
        connection.execute("create table public.written (id int)")


def test_a_callers_settings_go_before_ours(source_route: Route) -> None:
    with connect(source_route, settings={"statement_timeout": "12s", "work_mem": "1MB"}) as connection:
        assert connection.execute("show statement_timeout").fetchone()[0] == "12s"
        assert connection.execute("show work_mem").fetchone()[0] == "1MB"
        assert connection.execute("show timezone").fetchone()[0] == "UTC"


def test_settings_that_a_server_does_not_know_are_left_out(source_route: Route) -> None:
    with connect(source_route) as connection:
        # Came with 17; this server is older.
        apply_settings(connection, {"transaction_timeout": "1", "no_such_setting": "1"})
        assert connection.execute("select current_setting('transaction_timeout', true)").fetchone()[0] is None


def test_an_account_without_privileges_gets_in(source_route: Route) -> None:
    with connect(source_route) as connection:
        connection.execute("create role session_guest login password 'guest'")
        try:
            guest = {**source_route.parameters, "user": "session_guest", "password": "guest"}
            with connect(replace(source_route, parameters=guest)) as modest:
                assert modest.execute("select current_user::text as me").fetchone().me == "session_guest"
        finally:
            connection.execute("drop role session_guest")


def test_rows_have_names(source_route: Route) -> None:
    with connect(source_route) as connection:
        assert connection.execute("select 42 as answer").fetchone().answer == 42


def test_its_purpose_is_seen_on_the_server(source_route: Route) -> None:
    with connect(source_route, purpose="copy " + "x" * 80) as connection:
        name = connection.execute("show application_name").fetchone()[0]
    assert name.startswith("dtsrun copy xxx")
    assert len(name) == 63


def test_without_autocommit_nothing_stays_until_said(source_route: Route, fresh_database) -> None:
    name = fresh_database(source_route)
    with connect(source_route, name, autocommit=False) as connection:
        connection.execute("create table public.t (id int)")
        connection.rollback()
        assert connection.execute("select to_regclass('public.t') as t").fetchone().t is None


def test_a_failed_start_leaves_no_session(source_route: Route) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue):
        connect(source_route, settings={"timezone": "Mars/Olympus"}, purpose="doomed")
    with connect(source_route) as connection:
        left = connection.execute("select 1 from pg_stat_activity where application_name = 'dtsrun doomed'").fetchall()
    assert left == []


def test_a_runner_has_a_name_with_its_process() -> None:
    host, _, process = runner_name().rpartition(":")
    assert host
    assert process.isdigit()


def test_columns_of_any_name_make_rows(source_route):
    composed, decomposed = "\u00e9", "e\u0301"
    query = f'select 1 as "class", 2 as twice, 3 as twice, 4 as "{composed}", 5 as "{decomposed}", 6 as plain'
    with connect(source_route) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert tuple(row) == (1, 2, 3, 4, 5, 6)
    assert (row.twice, row.plain) == (2, 6)


def test_the_server_notices_as_soon_as_we_do_that_the_line_is_dead(source_route: Route) -> None:
    parameters = {**source_route.parameters, "keepalives_idle": "7", "tcp_user_timeout": "9000"}
    with connect(replace(source_route, parameters=parameters)) as connection:
        for name, value in (
            ("tcp_keepalives_idle", "7"),
            ("tcp_keepalives_interval", "10"),
            ("tcp_keepalives_count", "6"),
            ("tcp_user_timeout", "9000"),
        ):
            query = "select setting from pg_settings where name = %s"
            assert connection.execute(query, [name]).fetchone()[0] == value, name
