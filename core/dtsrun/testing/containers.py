"""Servers in containers, for tests on machines with a container engine."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

import pytest

from dtsrun.api.routes import Route
from dtsrun.postgres.server import SETTINGS

SUPERUSER: Final = "postgres"
PASSWORD: Final = "of-the-containers"
PORT: Final = 5432
OWN_AFFAIRS: Final = frozenset({"listen_addresses", "logging_collector", "log_destination"})
"""Settings of private servers that a container decides itself."""

# PostgresContainer moved; which of them is there depends on the version of testcontainers.
_MODULES: Final = ("testcontainers.community.postgres", "testcontainers.postgres")


def start_container(version: int, stack: ExitStack, settings: Mapping[str, str]) -> Route:
    """Start the image `postgres:<version>`, with the settings of a private server and these, and return the way to it;
    the stack removes it.

    Skips the test where no engine answers or the image cannot be had.
    """
    create = _container_class()
    try:
        # The constructor asks the engine already.
        container = create(f"postgres:{version}", username=SUPERUSER, password=PASSWORD, dbname="postgres", driver=None)
        stack.enter_context(container.with_command(_options(settings)))
    except _engine_errors() as error:
        pytest.skip(f"no container of PostgreSQL {version} can be started: {error}")
    parameters = {
        "host": str(container.get_container_host_ip()),
        "port": str(container.get_exposed_port(PORT)),
        "user": SUPERUSER,
        "password": PASSWORD,
        "sslmode": "disable",
    }
    return Route(parameters=parameters, description=f"container {version}", peer=_peer(container))


def _options(settings: Mapping[str, str]) -> str:
    wanted = {name: value for name, value in {**SETTINGS, **settings}.items() if name not in OWN_AFFAIRS}
    return " ".join(f"-c {name}={value}" for name, value in wanted.items())


def _container_class() -> Any:
    for name in _MODULES:
        try:
            return importlib.import_module(name).PostgresContainer
        except ModuleNotFoundError:
            continue
    pytest.skip("testcontainers is not installed")


def _engine_errors() -> tuple[type[Exception], ...]:
    docker = importlib.import_module("docker.errors")
    return (docker.DockerException,)


def _peer(container: Any) -> dict[str, str]:
    """Return how another container on the same bridge reaches this one."""
    networks = container.get_wrapped_container().attrs["NetworkSettings"]
    address = networks.get("IPAddress") or next(iter(networks["Networks"].values()))["IPAddress"]
    return {"host": address, "port": str(PORT), "user": SUPERUSER, "password": PASSWORD}
