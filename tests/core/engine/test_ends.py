"""Both ends are asked who they are at once, and the one that does not answer is named."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import Connection, Route, ServerFacts
from dtsrun.engine.ends import open_ends, read_spec
from dtsrun.errors import AccessError, UnreachableError
from dtsrun.inventory import read_server_facts

NOBODY_LISTENS = {"port": 1}


@pytest.fixture
def open_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Open the ends of a task between two routes."""

    def opened(source: Route, target: Route) -> Any:
        text = "dtsrun: 1\ntask: {name: pair}\nmigration: {type: full, objects: {databases: {shop: {}}}}\n"
        for side, route in (("source", source), ("target", target)):
            at = route.parameters
            monkeypatch.setenv(f"TEST_{side.upper()}_PASSWORD", str(at["password"]))
            text += (
                f"{side}:\n  type: postgresql\n  account: {at['user']}\n"
                f"  access: {{type: public_network, host: {at['host']}, port: {at['port']}, tls: {{mode: prefer}}}}\n"
                f"  password: {{env: TEST_{side.upper()}_PASSWORD}}\n"
            )
        path = tmp_path / "spec.yaml"
        path.write_text(text)
        return open_ends(*read_spec(path))

    return opened


def elsewhere(route: Route) -> Route:
    return replace(route, parameters={**route.parameters, **NOBODY_LISTENS})


def test_both_ends_are_asked_at_once(
    open_pair: Any, source_route: Route, target_route: Route, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_are_here = threading.Barrier(2, timeout=10)

    def read(connection: Connection) -> ServerFacts:
        both_are_here.wait()
        return read_server_facts(connection)

    monkeypatch.setattr("dtsrun.engine.ends.read_server_facts", read)

    with open_pair(source_route, target_route) as ends:
        majors = {side: ends.facts[side].major for side in ("source", "target")}

    assert majors == {"source": 16, "target": 18}


@pytest.mark.parametrize(("source_is_there", "where"), [(True, "target"), (False, "source")])
def test_the_end_that_does_not_answer_is_named(
    open_pair: Any, source_route: Route, target_route: Route, source_is_there: bool, where: str
) -> None:
    source = source_route if source_is_there else elsewhere(source_route)
    with pytest.raises((AccessError, UnreachableError)) as caught, open_pair(source, elsewhere(target_route)):
        pytest.fail("an end without a server was opened")
    assert caught.value.where == where
