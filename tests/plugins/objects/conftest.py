"""The harness and the servers of these tests."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from psycopg import sql

from dtsrun.api import Route
from dtsrun.postgres.session import connect

HERE = Path(__file__).parent
sys.path.append(str(HERE))


@pytest.fixture
def run_sql() -> Callable[[Route, str | None, str], None]:
    """Run a script on a server."""

    def run(route: Route, database: str | None, script: str) -> None:
        with connect(route, database) as connection:
            connection.execute(script.encode())

    return run


@pytest.fixture
def without_roles(source_route: Route, target_route: Route) -> Iterator[Callable[..., None]]:
    """Name roles that are dropped on both servers before and after the test; ask for it before any database."""
    names: list[str] = []

    def drop() -> None:
        for route in (source_route, target_route):
            with connect(route) as connection:
                for name in names:
                    connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(name)))

    def register(*more: str) -> None:
        names.extend(more)
        drop()

    yield register
    drop()
