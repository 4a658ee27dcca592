"""The inventory is read once, ahead of who asks for it where something else can be done meanwhile."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from dtsrun.api import Route, ServerFacts, Side
from dtsrun.engine.ends import Ends
from dtsrun.engine.prepare import Preparation
from dtsrun.errors import SpecError
from dtsrun.inventory import read_inventory, read_server_facts
from dtsrun.postgres.session import connect
from dtsrun.registry import load_registry
from dtsrun.testing.fakes import make_spec


@pytest.fixture
def prepare(source_route: Route, target_route: Route) -> Any:
    routes: dict[Side, Route] = {"source": source_route, "target": target_route}

    def of(database: str) -> Preparation:
        facts: dict[Side, ServerFacts] = {}
        for side, route in routes.items():
            with connect(route) as connection:
                facts[side] = read_server_facts(connection)
        return Preparation(Ends(make_spec({database: database}), load_registry(), routes, facts))

    return of


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads that read an inventory."""
    made: list[str] = []

    def counted(*arguments: Any, **more: Any) -> Any:
        made.append(threading.current_thread().name)
        return read_inventory(*arguments, **more)

    monkeypatch.setattr("dtsrun.engine.prepare.read_inventory", counted)
    return made


def test_what_is_read_ahead_is_read_once_by_another_thread(
    prepare: Any, readings: list[str], source_route: Route, fresh_database: Any
) -> None:
    name = fresh_database(source_route)
    preparation = prepare(name)
    with preparation.reading_ahead():
        assert preparation.chosen == [name]
    assert preparation.known_inventory is not None
    assert preparation.inventory is preparation.inventory is preparation.known_inventory
    assert [thread.startswith("inventory") for thread in readings] == [True]


def test_who_asks_gets_what_the_reading_failed_with(prepare: Any, readings: list[str]) -> None:
    preparation = prepare("absent")
    with preparation.reading_ahead():
        for _ in range(2):
            with pytest.raises(SpecError, match="the source has no database absent"):
                _ = preparation.inventory
    assert preparation.known_inventory is None
    assert len(readings) == 1
