"""A look at a server as the engine takes it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from psycopg import sql

from dtsrun.api import Route, Signal, Throttle
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeThrottleContext


@pytest.fixture
def look(source_route: Route) -> Iterator[Callable[..., Signal]]:
    """Look once, as the server's superuser or over another route."""
    with ExitStack() as stack:

        def once(throttle: type[Throttle], *, route: Route | None = None, **options: Any) -> Signal:
            context = stack.enter_context(FakeThrottleContext(route or source_route, throttle, options))
            return throttle().look(context)

        yield once


@pytest.fixture
def unprivileged(source_route: Route) -> Iterator[Route]:
    """The route of an account that may log in and nothing else."""
    with _account(source_route, "watcher_without", sql.SQL("")) as route:
        yield route


@pytest.fixture
def monitor(source_route: Route) -> Iterator[Route]:
    """The route of an account with pg_monitor."""
    with _account(source_route, "watcher_with", sql.SQL("in role pg_monitor")) as route:
        yield route


@contextmanager
def _account(admin: Route, name: str, more: sql.SQL) -> Iterator[Route]:
    role = sql.Identifier(name)
    with connect(admin) as connection:
        connection.execute(sql.SQL("drop role if exists {}").format(role))
        connection.execute(sql.SQL("create role {} login password 'watcher' {}").format(role, more))
    try:
        yield replace(admin, parameters={**admin.parameters, "user": name, "password": "watcher"})
    finally:
        with connect(admin) as connection:
            connection.execute("select pg_terminate_backend(pid) from pg_stat_activity where usename = %s", [name])
            connection.execute(sql.SQL("drop role {}").format(role))
