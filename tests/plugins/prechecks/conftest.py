"""Roles and servers for checks, gone after the tests."""

import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from dtsrun.api import Finding, Precheck, Route
from dtsrun.plan import with_defaults
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun.testing.servers import THROWAWAY

LEAN = {
    **THROWAWAY,
    "wal_level": "replica",
    "max_connections": "20",
    "max_wal_senders": "1",
    "max_replication_slots": "1",
    "max_slot_wal_keep_size": "16MB",
    "max_locks_per_transaction": "10",
    "max_prepared_transactions": "0",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "2",
    "autovacuum_worker_slots": "1",
    "wal_sender_timeout": "5s",
    "idle_replication_slot_timeout": "1h",
    "archive_mode": "on",
    "archive_command": "/bin/false",
    "synchronous_standby_names": "gone",
}
"""Settings that leave no room for anything."""


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


@pytest.fixture
def found() -> Callable[..., list[Finding]]:
    """Make a check between two ends and return what it finds; see `FakeCheckContext` for `more`."""

    def find(check: type[Precheck], source: Route, target: Route, **more: Any) -> list[Finding]:
        more["options"] = with_defaults(check(), more.get("options", {}))
        with FakeCheckContext(source=source, target=target, **more) as context:
            return list(check().check(context))

    return find


@pytest.fixture(scope="session")
def lean_route(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Route]:
    """The route to a server 18 of its own, with settings that leave no room for anything."""
    server = PrivateServer(tmp_path_factory.mktemp("lean") / "server", 18, settings=LEAN)
    server.start()
    yield server.route
    server.destroy()


@pytest.fixture(scope="session")
def standby_route(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Route]:
    """The route to a standby of version 16, whose primary is gone."""
    server = PrivateServer(tmp_path_factory.mktemp("standby") / "server", 16, settings=THROWAWAY)
    server.start()
    server.stop()
    signal = server.folder / "data" / "standby.signal"
    signal.touch()
    owner = Path(signal.parent).stat()
    os.chown(signal, owner.st_uid, owner.st_gid)
    server.start()
    yield server.route
    server.destroy()
    shutil.rmtree(server.folder, ignore_errors=True)
