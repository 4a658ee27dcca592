"""Many small tables in one step: all at once, or each on its own where one has a fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from dtsrun.api import Connection, Route, StepContext, StepResult
from dtsrun.copied_table import Table, arguments
from dtsrun.copying_batch import copy_batch
from dtsrun.errors import Interrupted
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import create_database, drop_database

NAMES = ("a", "b", "c", "d")


@dataclass
class Ends:
    source: Connection
    target: Connection
    wish: BaseException | None = None

    def copy(self, *names: str, earlier: Mapping[str, Any] | None = None, epoch: int = 1, **more: Any) -> StepResult:
        tables = [
            Table(schema="public", name=name, columns=("n",), encoding="UTF8", freeze=False, **more) for name in names
        ]
        fake = SimpleNamespace(
            step=SimpleNamespace(args={"tables": [arguments(table) for table in tables]}, database="shop"),
            source=lambda: self.source,
            target=lambda: self.target,
            facts=lambda side: SimpleNamespace(current_user="mover"),
            earlier=earlier or {},
            epoch=epoch,
            progress=self._progress,
        )
        with self.source.transaction(), self.target.transaction():
            self.source.execute("set transaction isolation level repeatable read, read only")
            return copy_batch(cast(StepContext, fake))

    def rows(self, name: str) -> list[int]:
        return [row.n for row in self.target.execute(f"select n from public.{name} order by n".encode()).fetchall()]

    def _progress(self, **done: int) -> None:
        if self.wish:
            raise self.wish


@pytest.fixture(scope="module")
def databases(source_route: Route, target_route: Route) -> Iterator[tuple[Route, Route]]:
    for route in (source_route, target_route):
        create_database(route, "batches")
    yield source_route, target_route
    for route in (source_route, target_route):
        drop_database(route, "batches")


@pytest.fixture
def ends(databases: tuple[Route, Route]) -> Iterator[Ends]:
    with connect(databases[0], "batches") as source, connect(databases[1], "batches") as target:
        for end in (source, target):
            end.execute("drop schema public cascade; create schema public")
            for name in NAMES:
                end.execute(f"create table public.{name} (n int)".encode())
        for number, name in enumerate(NAMES):
            source.execute(f"insert into public.{name} values ({number})".encode())
        yield Ends(source, target)


def test_all_arrive(ends: Ends) -> None:
    result = ends.copy(*NAMES)
    assert (result.rows, result.failures, result.deviations, result.detail) == (4, (), (), {"way": "relay, text"})
    assert result.bytes > 0
    assert [ends.rows(name) for name in NAMES] == [[0], [1], [2], [3]]


def test_a_few_rows_are_not_relayed(ends: Ends) -> None:
    assert ends.copy(*NAMES, few=True).detail == {"way": "libpq, text"}
    assert [ends.rows(name) for name in NAMES] == [[0], [1], [2], [3]]


def test_a_failure_has_its_tables_name_and_the_others_arrive(ends: Ends) -> None:
    ends.target.execute("drop table public.b; alter table public.c add constraint small check (n > 5)")
    ends.source.execute("alter table public.c rename to gone")
    result = ends.copy(*NAMES)
    assert [f.object for f in result.failures] == ["TABLE public.b", "TABLE public.c"]
    assert result.rows == 2
    assert result.detail == {"done": ["TABLE public.a", "TABLE public.d"], "epoch": 1}
    assert (ends.rows("a"), ends.rows("d")) == ([0], [3])


def test_a_run_after_failures_copies_the_rest(ends: Ends) -> None:
    ends.target.execute("drop table public.b")
    first = ends.copy(*NAMES)
    ends.target.execute("create table public.b (n int)")
    second = ends.copy(*NAMES, earlier=first.detail)
    assert (second.rows, second.failures, second.deviations, second.detail) == (1, (), (), {})
    assert [ends.rows(name) for name in NAMES] == [[0], [1], [2], [3]]


def test_a_run_in_another_snapshot_copies_all_of_them_anew(ends: Ends) -> None:
    ends.target.execute("drop table public.b")
    first = ends.copy(*NAMES)
    ends.target.execute("create table public.b (n int)")
    ends.source.execute("update public.a set n = 100")
    second = ends.copy(*NAMES, earlier=first.detail, epoch=2)
    assert (second.rows, second.failures, second.deviations) == (4, (), ())
    assert [ends.rows(name) for name in NAMES] == [[100], [1], [2], [3]]


def test_rows_that_violate_a_check_arrive_without_the_others_knowing(ends: Ends) -> None:
    ends.target.execute("alter table public.c add constraint small check (n > 5)")
    result = ends.copy(*NAMES)
    assert [d.object for d in result.deviations] == ["TABLE public.c"]
    assert [ends.rows(name) for name in NAMES] == [[0], [1], [2], [3]]


def test_rows_that_others_put_there_are_kept_and_reported(ends: Ends) -> None:
    ends.target.execute("insert into public.b values (77)")
    result = ends.copy(*NAMES)
    (deviation,) = result.deviations
    assert deviation.object == "TABLE public.b" and "held rows already" in deviation.message
    assert (ends.rows("a"), ends.rows("b")) == ([0], [1, 77])


def test_text_instead_of_binary_is_said(ends: Ends) -> None:
    result = ends.copy("a", "b", format_refused=True, format_reason="column n has no binary form")
    assert [d.object for d in result.deviations] == ["TABLE public.a", "TABLE public.b"]


def test_a_search_path_is_for_one_table_alone(ends: Ends) -> None:
    for end in (ends.source, ends.target):
        end.execute(
            "create function public.fine(int) returns bool language plpgsql as"
            " $$ begin perform from limits; return true; end $$; create table public.limits (top int)"
        )
    ends.target.execute(
        "alter table public.b add check (public.fine(n)); alter table public.d add check (public.fine(n))"
    )
    result = ends.copy(*NAMES)
    # Had the first one left it behind, the second would have found its table without a word.
    assert [d.object for d in result.deviations] == ["TABLE public.b", "TABLE public.d"]


def test_a_wish_to_stop_undoes_all(ends: Ends) -> None:
    ends.wish = Interrupted("the task was stopped")
    with pytest.raises(Interrupted):
        ends.copy(*NAMES)
    assert [ends.rows(name) for name in NAMES] == [[], [], [], []]


def test_a_broken_connection_is_the_engines_to_judge(ends: Ends) -> None:
    ends.target.execute("alter table public.c add check (pg_terminate_backend(pg_backend_pid()) or n > 0)")
    with pytest.raises(psycopg.OperationalError):
        ends.copy(*NAMES)
