"""A snapshot lives in a session of its own, as long as it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from dtsrun.api import Connection, Route
from dtsrun.engine.snapshots import Held, Snapshots, export_snapshot
from dtsrun.postgres.session import connect


@pytest.fixture
def sessions() -> list[Connection]:
    """The sessions in which snapshots were taken."""
    return []


@pytest.fixture
def snapshots(source_route: Route, fresh_database: Any, sessions: list[Connection]) -> Iterator[tuple[Snapshots, str]]:
    """The snapshots of a run whose first epoch is 3, and a database."""

    def take(database: str, epoch: int) -> Held:
        sessions.append(connect(source_route, database))
        return export_snapshot(sessions[-1], database, epoch)

    made = Snapshots(take, lambda _: 3)
    yield made, fresh_database(source_route)
    made.close()


def test_one_is_taken_for_all_who_ask(snapshots: tuple[Snapshots, str], sessions: list[Connection]) -> None:
    held, database = snapshots
    first, second = held.get(database), held.get(database)
    assert (first, first.epoch, len(sessions)) == (second, 3, 1)


def test_a_lost_one_is_renewed_once_in_the_next_epoch(
    snapshots: tuple[Snapshots, str], sessions: list[Connection]
) -> None:
    held, database = snapshots
    lost = held.get(database)
    renewed = held.renew(database, lost)
    assert (renewed.epoch, held.renew(database, lost)) == (4, renewed)
    assert [session.closed for session in sessions] == [True, False]


def test_closed_they_hold_no_session_and_are_taken_anew(
    snapshots: tuple[Snapshots, str], sessions: list[Connection]
) -> None:
    held, database = snapshots
    before = held.get(database)
    held.close()
    assert [session.closed for session in sessions] == [True]
    assert held.get(database).identifier != before.identifier
