"""An application that goes on writing while its database moves."""

from collections.abc import Callable, Iterator, Sequence

import pytest
from runs import Bench
from writers import WRITES, Application


@pytest.fixture
def application(bench: Bench) -> Iterator[Callable[..., Application]]:
    """Start an application that writes to a database of the source."""
    started: list[Application] = []

    def start(database: str = "shop", sessions: int = 3, writes: Sequence[str] = WRITES) -> Application:
        started.append(Application(bench, database, sessions, writes))
        return started[-1]

    yield start
    for each in started:
        each.stop()
