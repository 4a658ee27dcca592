"""A database on both ends, and gates that are made as a task makes them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dtsrun.api import Connection, Finding, Gate, MigrationType, Route
from dtsrun.plan import with_defaults
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeGateContext, make_spec
from dtsrun.testing.servers import FreshDatabase

Make = Callable[..., None]


class Shop:
    """A database of the same name on both ends."""

    def __init__(self, source: Route, target: Route, name: str) -> None:
        self.routes, self.name = (source, target), name
        self.source: Connection = connect(source, name, settings={"search_path": "public"})
        self.target: Connection = connect(target, name, settings={"search_path": "public"})

    def on_both(self, statement: str) -> None:
        self.source.execute(statement.encode())
        self.target.execute(statement.encode())

    def found(self, gate: type[Gate], **known: Any) -> list[Finding]:
        """Make a gate and return what it finds."""
        options = with_defaults(gate(), known.pop("options", {}))
        source, target = self.routes
        spec = make_spec({self.name: self.name}, migration_type=MigrationType.FULL_INCREMENTAL)
        with FakeGateContext(source=source, target=target, spec=spec, options=options, **known) as context:
            return list(gate().check(context))

    def said(self, gate: type[Gate], **known: Any) -> list[str]:
        return [finding.message for finding in self.found(gate, **known)]


@pytest.fixture
def shop(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> Iterator[Shop]:
    name = fresh_database(source_route)
    fresh_database(target_route, name=name)
    made = Shop(source_route, target_route, name)
    yield made
    made.source.close()
    made.target.close()
