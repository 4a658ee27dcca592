"""Roles for checks of rights, gone after the test."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from psycopg import sql

from dtsrun.api import Route
from dtsrun.postgres.session import connect


@pytest.fixture
def fresh_role() -> Iterator[Callable[..., str]]:
    """Make a role on a server; `attributes` follow its name."""
    made: list[tuple[Route, str]] = []

    def create(route: Route, attributes: str = "", name: str | None = None) -> str:
        chosen = name or f"r_{uuid.uuid4().hex[:10]}"
        with connect(route) as connection:
            connection.execute(sql.SQL("create role {} ").format(sql.Identifier(chosen)) + sql.SQL(attributes))
        made.append((route, chosen))
        return chosen

    yield create
    for route, name in reversed(made):
        with connect(route) as connection:
            connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def route_of(fresh_role: Callable[..., str]) -> Callable[..., Route]:
    """Give the route of a fresh role with LOGIN and a password."""

    def route(server: Route, attributes: str = "") -> Route:
        name = fresh_role(server, f"login password 'secret' {attributes}")
        return replace(server, parameters={**server.parameters, "user": name, "password": "secret"})

    return route
