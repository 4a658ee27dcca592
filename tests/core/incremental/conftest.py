"""A source in use."""

import time
from collections.abc import Callable, Iterator

import pytest

from dtsrun.api import Connection, Route
from dtsrun.incremental.slots import drop_slot, slot_names
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase

FAMILY = "dtsrun_tested"


@pytest.fixture
def database(source_route: Route, fresh_database: FreshDatabase) -> Iterator[str]:
    """An empty database of the source, whose slots are dropped after the test."""
    name = fresh_database(source_route)
    yield name
    with connect(source_route) as connection:
        for slot in slot_names(connection, f"{FAMILY}_{name}"):
            drop_slot(connection, slot)


@pytest.fixture
def source(source_route: Route, database: str) -> Iterator[Connection]:
    with connect(source_route, database, settings={"search_path": "public", "synchronous_commit": "on"}) as connection:
        yield connection


@pytest.fixture
def until() -> Callable[..., None]:
    def wait(holds: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it did not come true in time"
            time.sleep(0.05)

    return wait
