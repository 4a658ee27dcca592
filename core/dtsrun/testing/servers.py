"""Running PostgreSQL servers for tests, as pytest fixtures.

Register the plugin in the top `conftest.py`:

    pytest_plugins = ["dtsrun.testing.servers"]

and take what the test needs:

    def test_two_versions(source_route, target_route, fresh_database):
        shop = fresh_database(source_route)
        with connect(source_route, shop) as connection:
            ...

* `postgres_server(version)` gives the route to a running server of a major version, or skips the test, saying why.
* `source_route` and `target_route` are servers 16 and 18, which the `embedded` extra brings.
* `fresh_database(route, name=None, options="")` makes an empty database and drops it after the test.
* `private_server_only(why)` skips a test where servers run in containers.
* `run_case(check, case)` runs a case of a check (see `dtsrun.testing.cases`).

A server is started when the first test asks for it and removed when the session ends; under pytest-xdist every worker
has its own. With `DTSRUN_TEST_DOCKER=1` servers run in containers (testcontainers, image `postgres:<version>`) where an
engine runs. Private servers write without fsync: what a test leaves behind need not survive the machine.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import pytest
from psycopg import sql

from dtsrun.api import CheckResult, Precheck, Route
from dtsrun.errors import AccessError
from dtsrun.postgres.server import PrivateServer, installed_versions
from dtsrun.postgres.session import connect

if TYPE_CHECKING:
    from dtsrun.testing.cases import Case, RunCase

DOCKER_VARIABLE: Final = "DTSRUN_TEST_DOCKER"
SOURCE_VERSION: Final = 16
TARGET_VERSION: Final = 18

THROWAWAY: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "max_prepared_transactions": "10",
    "shared_buffers": "64MB",
}
"""Settings of a server whose data are thrown away."""


class FreshDatabase(Protocol):
    """Makes an empty database and returns its name."""

    def __call__(self, route: Route, *, name: str | None = None, options: str = "") -> str:
        """Create it; `options` is what follows its name, e.g. `encoding 'LATIN1' template template0`."""


def pytest_report_header() -> str:
    """Say where servers come from, since it decides which tests are skipped."""
    if _wants_docker():
        return "dtsrun servers: containers (testcontainers)"
    return f"dtsrun servers: {', '.join(map(str, installed_versions())) or 'none'} (private)"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Callable[[int], Route]]:
    """Give the route to a running server of a major version; skips the test where there is none."""
    running: dict[int, Route] = {}
    with ExitStack() as stack:

        def server(version: int) -> Route:
            if version not in running:
                running[version] = _start(version, stack)
            return running[version]

        yield server


@pytest.fixture(scope="session")
def source_route(postgres_server: Callable[[int], Route]) -> Route:
    """The route to a running server 16."""
    return postgres_server(SOURCE_VERSION)


@pytest.fixture(scope="session")
def target_route(postgres_server: Callable[[int], Route]) -> Route:
    """The route to a running server 18."""
    return postgres_server(TARGET_VERSION)


@pytest.fixture
def fresh_database() -> Iterator[FreshDatabase]:
    """Make databases of unique names, dropped after the test."""
    made: list[tuple[Route, str]] = []

    def create(route: Route, *, name: str | None = None, options: str = "") -> str:
        chosen = name or f"t_{uuid.uuid4().hex[:12]}"
        create_database(route, chosen, options)
        made.append((route, chosen))
        return chosen

    yield create
    for route, name in reversed(made):
        drop_database(route, name)


@pytest.fixture
def run_case(postgres_server: Callable[[int], Route], fresh_database: FreshDatabase) -> RunCase:
    """Run a case of a check (see `dtsrun.testing.cases`)."""

    # Imported late: most tests need servers only.
    from dtsrun.testing.cases import check_case

    def run(check: type[Precheck], case: Case) -> CheckResult:
        return check_case(
            check,
            case,
            server=postgres_server,
            fresh_database=fresh_database,
            default_versions={"source": SOURCE_VERSION, "target": TARGET_VERSION},
        )

    return run


def private_server_only(why: str) -> None:
    """Skip the test where servers run in containers; `why` says what of this machine such a server does not share."""
    if _wants_docker():
        pytest.skip(f"servers run in containers: {why}")


def socket_folder(route: Route) -> str:
    """Return the folder of the server's Unix socket; skips the test where that is a folder of a container."""
    private_server_only("their Unix sockets are not on this machine")
    with connect(route) as connection:
        row = connection.execute("show unix_socket_directories").fetchone()
        assert row is not None
        return str(row[0])


def create_database(route: Route, name: str, options: str = "") -> None:
    """Create a database; `options` is SQL that follows its name."""
    statement = sql.SQL("create database {} ").format(sql.Identifier(name))
    with connect(route) as connection:
        # The options come from the test itself.
        connection.execute(statement + sql.SQL(options))


def drop_database(route: Route, name: str) -> None:
    """Drop a database, if it is there, and whoever is connected to it."""
    with connect(route) as connection:
        # `drop database ... with (force)` came with version 13.
        connection.execute(
            "select pg_catalog.pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name]
        )
        connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(name)))


def _wants_docker() -> bool:
    return os.environ.get(DOCKER_VARIABLE, "") not in {"", "0"}


def _start(version: int, stack: ExitStack) -> Route:
    return _start_container(version, stack) if _wants_docker() else _start_private(version, stack)


def _start_private(version: int, stack: ExitStack) -> Route:
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-test-"))
    try:
        server = PrivateServer(folder, version, settings=THROWAWAY)
    except AccessError as error:
        folder.rmdir()
        pytest.skip(error.message)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(server.destroy)
    server.start()
    return server.route


def _start_container(version: int, stack: ExitStack) -> Route:
    from dtsrun.testing.containers import start_container

    return start_container(version, stack, THROWAWAY)
