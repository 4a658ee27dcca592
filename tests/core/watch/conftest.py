"""A source and a target with a real subscription between them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from dtsrun.api import Route
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase

sys.path.append(str(Path(__file__).parent))

from replicated import MakeReplicated, Replicated

SETTINGS = {"search_path": "public", "synchronous_commit": "on"}


@pytest.fixture
def make_replicated(fresh_database: FreshDatabase) -> Iterator[MakeReplicated]:
    with ExitStack() as stack:

        def make(source: Route, target: Route) -> Replicated:
            names = fresh_database(source), fresh_database(target)
            ends = [
                stack.enter_context(connect(route, name, settings=SETTINGS))
                for route, name in zip((source, target), names, strict=True)
            ]
            made = Replicated(*ends, source, target, names)
            stack.callback(made.remove)
            return made

        yield make


@pytest.fixture
def pair(make_replicated: MakeReplicated, source_route: Route, target_route: Route) -> Replicated:
    """Databases of servers 16 and 18."""
    return make_replicated(source_route, target_route)
