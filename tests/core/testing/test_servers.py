"""The pytest plugin gives servers and databases, and takes them away again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from dtsrun.api import Route
from dtsrun.postgres.session import connect
from dtsrun.testing import containers, servers
from dtsrun.testing.servers import FreshDatabase

pytest_plugins = ["pytester"]


def test_source_and_target_are_of_the_two_bundled_versions(source_route: Route, target_route: Route) -> None:
    for route, version in ((source_route, 16), (target_route, 18)):
        with connect(route) as connection:
            assert connection.info.server_version // 10000 == version


def test_a_version_is_one_server_for_all_tests(postgres_server: Callable[[int], Route], source_route: Route) -> None:
    assert postgres_server(16) is source_route


def test_a_version_that_is_not_there_is_skipped_with_the_reason(postgres_server: Callable[[int], Route]) -> None:
    with pytest.raises(
        pytest.skip.Exception, match=r"no (server|container) of PostgreSQL 9 (is on this machine|can be started)"
    ):
        postgres_server(9)


def test_fresh_databases_have_names_of_their_own(source_route: Route, fresh_database: FreshDatabase) -> None:
    one, other = fresh_database(source_route), fresh_database(source_route)
    assert one != other
    named = fresh_database(source_route, name='odd "name"', options="encoding 'LATIN1' locale 'C' template template0")
    with connect(source_route, named) as connection:
        assert connection.execute("show server_encoding").fetchone()[0] == "LATIN1"


CASES = """
from dtsrun.postgres.session import connect

def test_it(source_route, fresh_database, request):
    name = fresh_database(source_route)
    left_open = connect(source_route, name)
    request.addfinalizer(left_open.close)
    print(f"made {name} on {source_route.parameters['port']}")
"""


def test_nothing_is_left_after_a_session(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["dtsrun.testing.servers"]')
    pytester.makepyfile(CASES)
    result = pytester.runpytest_subprocess("-s", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    source = "containers (testcontainers)" if os.environ.get(servers.DOCKER_VARIABLE) else "*16*18*(private)"
    result.stdout.fnmatch_lines([f"dtsrun servers: {source}", "*made t_*"])
    port = result.stdout.str().partition(" on ")[2].split()[0]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=port, user="postgres", password="x")


def test_a_database_is_dropped_although_someone_is_in_it(source_route: Route) -> None:
    servers.create_database(source_route, "occupied")
    with connect(source_route, "occupied"):
        servers.drop_database(source_route, "occupied")
    with connect(source_route) as connection:
        assert connection.execute("select 1 from pg_database where datname = 'occupied'").fetchone() is None


def test_the_plugin_alone_needs_neither_engine_nor_inventory() -> None:
    program = "import sys, dtsrun.testing.servers; print([m for m in sys.modules if m.startswith('dtsrun.engine')])"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]"


class FakeContainer:
    """What a container of testcontainers looks like from here; no engine runs on most machines."""

    def __init__(self, image: str, **options: Any) -> None:
        self.image, self.options, self.events = image, options, []

    def with_command(self, command: str) -> FakeContainer:
        self.command = command
        return self

    def __enter__(self) -> FakeContainer:
        self.events.append("started")
        return self

    def __exit__(self, *error: object) -> None:
        self.events.append("removed")

    def get_container_host_ip(self) -> str:
        return "localhost"

    def get_exposed_port(self, port: int) -> int:
        return 49152 + port

    def get_wrapped_container(self) -> Any:
        return SimpleNamespace(attrs={"NetworkSettings": {"Networks": {"bridge": {"IPAddress": "172.17.0.2"}}}})


def test_a_container_is_reached_by_its_mapped_port_and_by_others_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[FakeContainer] = []

    def create(image: str, **options: Any) -> FakeContainer:
        made.append(FakeContainer(image, **options))
        return made[-1]

    monkeypatch.setattr(containers, "_container_class", lambda: create)
    with ExitStack() as stack:
        route = containers.start_container(17, stack, {"fsync": "off"})
        assert made[0].image == "postgres:17"
        assert "-c wal_level=logical" in made[0].command and "-c fsync=off" in made[0].command
        assert "listen_addresses" not in made[0].command
        assert (route.parameters["host"], route.parameters["port"]) == ("localhost", "54584")
        assert route.peer is not None
        assert (route.peer["host"], route.peer["port"]) == ("172.17.0.2", "5432")
    assert made[0].events == ["started", "removed"]


def test_without_an_engine_the_test_is_skipped_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = pytest.importorskip("docker.errors")

    def refuse(image: str, **options: Any) -> FakeContainer:
        raise errors.DockerException("no engine answers")

    monkeypatch.setattr(containers, "_container_class", lambda: refuse)
    with (
        ExitStack() as stack,
        pytest.raises(pytest.skip.Exception, match="no container of PostgreSQL 17 can be started: no engine answers"),
    ):
        containers.start_container(17, stack, {})


def test_testcontainers_has_the_class_that_we_use() -> None:
    pytest.importorskip("testcontainers")
    assert containers._container_class().__name__ == "PostgresContainer"


@pytest.mark.parametrize(("value", "wanted"), [("1", True), ("0", False), ("", False)])
def test_containers_are_taken_only_where_asked_for(monkeypatch: pytest.MonkeyPatch, value: str, wanted: bool) -> None:
    monkeypatch.setenv("DTSRUN_TEST_DOCKER", value)
    assert servers._wants_docker() is wanted
    assert ("containers" in servers.pytest_report_header()) is wanted
