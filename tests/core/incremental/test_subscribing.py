"""Statements that hold a password leave no trace on their server."""

from __future__ import annotations

from psycopg import sql

from dtsrun.api import Route
from dtsrun.incremental.subscribing import QUIET, run_without_trace
from dtsrun.postgres.session import connect

LOUD = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_min_duration_sample": "0",
    "log_min_error_statement": "error",
}


def test_nothing_that_logs_statements_is_on_while_one_runs(target_route: Route) -> None:
    with connect(target_route) as connection:
        for name, value in LOUD.items():
            connection.execute(sql.SQL("set {} = {}").format(sql.SQL(name), sql.Literal(value)))
        look = sql.SQL("create temp table seen as select name, setting from pg_settings where name = any ({})")
        run_without_trace(connection, look.format(sql.Literal(list(LOUD))))
        seen = dict(connection.execute("select name, setting from seen").fetchall())
        after = dict(connection.execute("select name, setting from pg_settings where name = any (%s)", [list(LOUD)]))
    assert seen == {name: QUIET[name] for name in LOUD}
    assert after == LOUD
