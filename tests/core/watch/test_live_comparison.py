"""While writers write and a subscription applies, no row is called different that is not, and every one that is."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest
from replicated import MakeReplicated, Replicated, wait_until

from dtsrun.api import Connection, Route, Step, StepContext, StepResult
from dtsrun.compare import compare_rows, compare_rows_live
from dtsrun.compare.live import NONE, Patience, _verdict
from dtsrun.postgres.session import connect
from dtsrun.watch.positions import current_position

KEYED = "create table orders (id int primary key, note text, amount numeric default 0)"
KEYLESS = "create table log (at int, line text)"
ROWS = 2000


class Writers:
    """Sessions that insert, update, delete and bring rows back, as fast as they can."""

    def __init__(self, pair: Replicated, table: str, *, count: int = 3, span: int = ROWS) -> None:
        self._pair, self._table, self._span = pair, table, span
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=[n], daemon=True) for n in range(count)]
        self.commits = 0
        self.errors: list[psycopg.Error] = []

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        wait_until(lambda: self.commits > 50 or self.errors)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self.errors == []

    def _write(self, number: int) -> None:
        chance = random.Random(number)
        settings = {"search_path": "public", "synchronous_commit": "on" if number else "off"}
        with connect(self._pair.source_route, self._pair.names[0], settings=settings) as connection:
            while not self._stop.is_set():
                row = chance.randrange(self._span)
                try:
                    connection.execute(chance.choice(self._statements()), {"row": row, "n": chance.random()})
                    self.commits += 1
                except psycopg.errors.DeadlockDetected:
                    continue
                except psycopg.Error as error:
                    self.errors.append(error)
                    return

    def _statements(self) -> list[str]:
        if self._table == "log":
            return ["insert into log values (%(row)s, %(n)s::text)", "delete from log where at = %(row)s"]
        return [
            "insert into orders values (%(row)s, %(n)s::text) on conflict (id) do update set note = excluded.note",
            "update orders set amount = amount + 1 where id = %(row)s",
            "update orders set note = 'back and forth' where id = %(row)s",
            "delete from orders where id = %(row)s",
        ]


class Comparison:
    """What a step sees, with connections of its own in autocommit mode."""

    def __init__(self, pair: Replicated, source: Connection, target: Connection) -> None:
        self.pair, self.source, self.target = pair, source, target

    def context(self, table: str) -> StepContext:
        columns = self.pair.source.execute(
            "select attname as name, format_type(atttypid, atttypmod) as type, atttypid::bigint as type_oid"
            "  from pg_attribute where attrelid = %s::regclass and attnum > 0 order by attnum",
            [table],
        ).fetchall()
        args: dict[str, Any] = {
            "schema": "public",
            "name": table,
            "oid": self.pair.oid(table),
            "columns": [column._asdict() for column in columns],
            "key": ["id"] if table == "orders" else [],
        }
        step = Step(
            key="shop/verify/it", stage="verify", plugin="object.tables", action="compare", args=args, database="shop"
        )
        fake = SimpleNamespace(
            step=step,
            spec=SimpleNamespace(stages={}),
            source=lambda: self.source,
            target=lambda: self.target,
            progress=lambda **_: None,
        )
        return cast(StepContext, fake)

    def live(self, table: str, patience: Patience | None = None) -> StepResult:
        # A fresh connection for each question would do as well; this one is used by nobody else.
        return compare_rows_live(self.context(table), self.pair.applied, patience)


@pytest.fixture
def comparison(pair: Replicated) -> Iterator[Comparison]:
    ends = zip((pair.source_route, pair.target_route), pair.names, strict=True)
    (source, target) = (connect(route, name) for route, name in ends)
    with source, target:
        yield Comparison(pair, source, target)


@pytest.fixture
def orders(comparison: Comparison) -> Comparison:
    """Orders on both ends, followed."""
    comparison.pair.on_both(KEYED, f"insert into orders select n, 'x' || n from generate_series(0, {ROWS - 1}) n")
    comparison.pair.follow("orders")
    wait_until(comparison.pair.worker)
    return comparison


def test_no_row_is_called_different_while_writers_write(orders: Comparison) -> None:
    suspected = 0
    with Writers(orders.pair, "orders") as writers:
        for _ in range(8):
            before = writers.commits
            result = orders.live("orders")
            assert result.differences == ()
            assert writers.commits > before
            suspected += len(compare_rows(orders.context("orders")).differences)
    # The comparison that trusts one look would have been wrong.
    assert suspected > 0
    wait_until(lambda: orders.pair.applied() >= current_position(orders.pair.source))
    assert compare_rows(orders.context("orders")).differences == ()


def test_what_is_planted_is_found_among_rows_that_change(orders: Comparison) -> None:
    quiet = ROWS + 10
    orders.pair.source.execute("insert into orders values (%s, 'quiet'), (%s, 'gone')", [quiet, quiet + 1])
    wait_until(lambda: orders.pair.target.execute("select from orders where id > %s", [ROWS]).rowcount == 2)
    orders.pair.target.execute("update orders set note = 'loud' where id = %s", [quiet])
    orders.pair.target.execute("delete from orders where id = %s", [quiet + 1])
    orders.pair.target.execute("insert into orders values (%s, 'never')", [quiet + 2])
    with Writers(orders.pair, "orders"):
        result = orders.live("orders")
    found = {(each.key, each.aspect) for each in result.differences}
    assert found == {
        (f"(id)=({quiet})", "row"),
        (f"(id)=({quiet + 1})", "row missing"),
        (f"(id)=({quiet + 2})", "row extra"),
    }
    [row] = [each for each in result.differences if each.aspect == "row"]
    assert (row.source, row.target) == ("note='quiet'", "note='loud'")


def test_a_row_that_never_rests_is_not_settled_and_not_equal(orders: Comparison) -> None:
    pair = orders.pair
    with Writers(pair, "orders", span=3):
        wait_until(lambda: pair.applied() > 0)
        pair.target.execute(f'alter subscription "{pair.links[0].name}" disable')
        pair.target.execute("delete from orders where id = 1500")
        result = orders.live("orders", Patience(rounds=2, wait=0.3))
    assert result.differences == ()
    assert result.detail["not_settled"] >= 1
    assert "not settled" in result.deviations[0].message


def test_rows_without_a_key_are_compared_too(comparison: Comparison) -> None:
    pair = comparison.pair
    pair.on_both(KEYLESS, "insert into log select n % 50, 'l' || n from generate_series(1, 400) n")
    pair.source.execute("alter table log replica identity full")
    pair.follow("log")
    wait_until(pair.worker)
    pair.source.execute("insert into log values (-1, 'quiet'), (-1, 'quiet')")
    wait_until(lambda: pair.target.execute("select from log where at = -1").rowcount == 2)
    with Writers(pair, "log", count=2, span=50):
        for _ in range(4):
            assert comparison.live("log").differences == ()
        pair.target.execute("delete from log where ctid = (select ctid from log where at = -1 limit 1)")
        pair.target.execute("insert into log values (-2, 'never')")
        found = comparison.live("log").differences
    assert sorted((each.aspect, each.source, each.target) for each in found) == [
        ("row extra", "(no row)", "(-2,never)"),
        ("row missing", "(-1,quiet)", "(no row)"),
    ]


@pytest.mark.parametrize(
    ("first", "there", "second", "before", "verdict"),
    [
        (("a", 1), ("a", 9), ("b", 2), None, True),
        (("a", 1), ("b", 9), ("b", 2), None, True),
        (("a", 1), ("c", 9), ("b", 2), None, None),
        (("a", 1), ("c", 9), ("a", 2), None, None),
        (("a", 1), ("c", 9), ("a", 1), None, False),
        (("a", 1), NONE, ("a", 1), None, False),
        (NONE, ("c", 9), NONE, None, None),
        (NONE, ("c", 9), NONE, ("c", 8), None),
        (NONE, ("c", 9), NONE, ("c", 9), False),
        (NONE, NONE, ("a", 1), None, True),
    ],
)
def test_a_verdict_needs_a_source_at_rest(first, there, second, before, verdict) -> None:
    assert _verdict(first, there, second, before) is verdict


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_is_compared_live(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    pair = make_replicated(postgres_server(version), postgres_server(18))
    pair.on_both(KEYED, f"insert into orders select n, 'x' || n from generate_series(0, {ROWS - 1}) n")
    pair.follow("orders")
    wait_until(pair.worker)
    ends = zip((pair.source_route, pair.target_route), pair.names, strict=True)
    (source, target) = (connect(route, name) for route, name in ends)
    with source, target, Writers(pair, "orders"):
        for _ in range(3):
            assert Comparison(pair, source, target).live("orders").differences == ()
