"""Parts of one table, each on its own: together they are the table, and all of them come from one snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dtsrun import marks
from dtsrun.api import Connection, Route, StepContext, StepResult
from dtsrun.copied_table import Table, arguments
from dtsrun.copying_range import copy_range, range_key
from dtsrun.postgres.session import connect
from dtsrun.postgres.sqlstate import SnapshotLost
from dtsrun.testing.servers import create_database, drop_database

ROWS = 5000


@dataclass
class Ends:
    source: Connection
    target: Connection

    def copy(self, part: int, *, epoch: int = 1, target: Connection | None = None, **more: Any) -> StepResult:
        """Copy one of three parts, as a step with its mark."""
        target = target or self.target
        pages = {1: (None, 10), 2: (10, 20), 3: (20, None)}[part]
        table = Table(**{"schema": "public", "name": "t", "columns": ("n", "note"), "encoding": "UTF8", "key": ("n",),
                         "pages": pages, **more})  # fmt: skip
        key = range_key("shop/full/public.t", part, 3)
        fake = SimpleNamespace(
            step=SimpleNamespace(
                args={"tables": [arguments(table)], "part": part, "parts": 3}, database="shop", key=key
            ),
            spec=SimpleNamespace(task=SimpleNamespace(name="move")),
            source=lambda: self.source,
            target=lambda: target,
            facts=lambda side: SimpleNamespace(current_user="mover"),
            epoch=epoch,
            progress=lambda **done: None,
        )
        with self.source.transaction(), target.transaction():
            self.source.execute("set transaction isolation level repeatable read, read only")
            result = copy_range(cast(StepContext, fake))
            marks.write(target, "move", key, epoch, result)
        return result

    def equal(self) -> bool:
        query = "select count(*), sum(hashtext(t::text)), min(n), max(n) from public.t"
        ours, theirs = (end.execute(query).fetchone() for end in (self.source, self.target))
        return bool(ours == theirs and ours[0])

    def epochs(self) -> dict[str, int]:
        found = marks.read_all(self.target, "move")
        return {key[-12:-8]: mark.epoch for key, mark in found.items() if mark.done}


@pytest.fixture(scope="module")
def databases(source_route: Route, target_route: Route) -> Iterator[tuple[Route, Route]]:
    for route in (source_route, target_route):
        create_database(route, "ranges")
    yield source_route, target_route
    for route in (source_route, target_route):
        drop_database(route, "ranges")


@pytest.fixture
def ends(databases: tuple[Route, Route]) -> Iterator[Ends]:
    with connect(databases[0], "ranges") as source, connect(databases[1], "ranges") as target:
        for end in (source, target):
            end.execute("drop schema public cascade; create schema public; drop schema if exists _dtsrun cascade")
            end.execute("create table public.t (n int, note text)")
        source.execute(f"insert into public.t select g, repeat('x', 60) from generate_series(1, {ROWS}) g".encode())
        marks.prepare(target)
        yield Ends(source, target)


def test_parts_are_the_table(ends: Ends) -> None:
    results = [ends.copy(part) for part in (2, 3, 1)]
    assert all(result.rows > 0 and not result.failures and not result.deviations for result in results)
    assert sum(result.rows for result in results) == ROWS
    assert ends.equal()


def test_parts_are_read_without_the_rest(ends: Ends) -> None:
    table = Table(schema="public", name="t", columns=("n",), encoding="UTF8", pages=(10, 20))
    query = table.copy_to().as_string(ends.source).removeprefix("copy (").partition(") to stdout")[0]
    plan = "\n".join(row[0] for row in ends.source.execute(f"explain {query}".encode()).fetchall())
    assert "Tid Range Scan" in plan


def test_a_part_takes_what_a_filter_leaves(ends: Ends) -> None:
    results = [ends.copy(part, filter="n % 2 = 0 -- even") for part in (1, 2, 3)]
    assert sum(result.rows for result in results) == ROWS // 2


def test_a_row_that_cannot_be_taken_is_named_by_its_key(ends: Ends) -> None:
    ends.source.execute("update public.t set note = null where n = 4000")
    ends.target.execute("alter table public.t alter note set not null")
    (failure,) = ends.copy(3).failures
    assert failure.object == "TABLE public.t" and "null value in column" in failure.message


def test_parts_of_an_older_snapshot_go_and_all_comes_anew(ends: Ends) -> None:
    ends.copy(1)
    ends.copy(2)
    # These rows move to the last pages: copied part by part they would be there twice, or not at all.
    ends.source.execute("update public.t set note = 'moved' where n % 7 = 0")
    result = ends.copy(3, epoch=2)
    assert (result.rows, result.failures, result.deviations) == (ROWS, (), ())
    assert ends.equal()
    assert ends.epochs() == {"0001": 2, "0002": 2, "0003": 2}
    assert ends.copy(2, epoch=2).rows == 0
    assert ends.equal()


def test_a_part_of_an_older_snapshot_does_not_come_after_those_of_a_newer(ends: Ends) -> None:
    ends.copy(1, epoch=2)
    with pytest.raises(SnapshotLost):
        ends.copy(2, epoch=1)
    assert ends.epochs() == {"0001": 2}


def test_what_cannot_be_copied_anew_leaves_all_as_it_was(ends: Ends) -> None:
    ends.copy(1)
    before = ends.target.execute("select count(*) as count from public.t").fetchone()
    ends.source.execute("alter table public.t rename to gone")
    (failure,) = ends.copy(3, epoch=2).failures
    assert "does not exist" in failure.message
    assert ends.target.execute("select count(*) as count from public.t").fetchone() == before
    assert ends.epochs() == {"0001": 1}


def test_rows_that_others_put_there_are_reported_once(ends: Ends) -> None:
    ends.target.execute("insert into public.t values (0, 'theirs')")
    assert len(ends.copy(1).deviations) == 1
    assert ends.copy(2).deviations == ends.copy(3).deviations == ()


def test_a_table_that_is_not_there_is_a_failure(ends: Ends) -> None:
    ends.target.execute("drop table public.t")
    (failure,) = ends.copy(1).failures
    assert "does not exist" in failure.message
