"""Lag is told without a clock of the servers', is zero where nothing happens, and holds no WAL."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from replicated import MakeReplicated, Replicated, wait_until

from dtsrun.api import Route
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase
from dtsrun.watch.lag import MOST_SAMPLES, Lag, Pace
from dtsrun.watch.positions import beat, current_position


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_seconds_are_the_age_of_the_newest_position_that_is_applied() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert pace.measure(1000, applied=1000) == Lag(bytes=0, seconds=0.0)
    clock.now += 10
    pace.measure(2000, applied=1000)
    clock.now += 10
    assert pace.measure(3000, applied=1500) == Lag(bytes=1500, seconds=20.0)
    clock.now += 10
    assert pace.measure(4000, applied=2000) == Lag(bytes=2000, seconds=20.0)
    assert pace.measure(4000, applied=4100) == Lag(bytes=0, seconds=0.0)


def test_an_age_before_the_first_position_is_said_to_be_at_least_that() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.measure(5000, applied=100)
    clock.now += 30
    assert pace.measure(6000, applied=100) == Lag(bytes=5900, seconds=30.0, is_at_least=True)
    assert pace.measure(6000, applied=5500) == Lag(bytes=500, seconds=30.0)


def test_a_lag_of_days_takes_little_memory_and_stays_near_the_truth() -> None:
    clock = Clock()
    pace = Pace(clock)
    pace.measure(0, applied=0)
    for second in range(1, 20_001):
        clock.now += 1
        lag = pace.measure(second * 10, applied=0)
    assert lag.seconds == 20_000
    assert len(pace._samples) <= MOST_SAMPLES
    clock.now += 1
    # Half of the work is done: thinning may cost some resolution, never the order of things.
    lag = pace.measure(200_010, applied=100_000)
    assert 10_001 <= lag.seconds < 10_600


def test_an_idle_source_has_no_lag_and_its_slot_goes_on(
    pair: Replicated, source_route: Route, fresh_database: FreshDatabase
) -> None:
    pair.on_both("create table orders (id int primary key)")
    pair.follow("orders")
    restart = "select restart_lsn::text as lsn from pg_replication_slots where slot_name = %s"
    before = pair.source.execute(restart, [pair.links[0].name]).fetchone().lsn
    other = fresh_database(source_route)
    with connect(source_route, other) as elsewhere:
        elsewhere.execute("create table public.t as select n, repeat('x', 200) from generate_series(1, 20000) n")
    pace = Pace()

    def lag() -> Lag:
        position = current_position(pair.source)
        found = pace.measure(position, pair.applied())
        assert beat(pair.source)
        pair.source.execute("checkpoint")
        return found

    wait_until(lambda: lag().bytes == 0)
    wait_until(
        lambda: lag().seconds == 0 and pair.source.execute(restart, [pair.links[0].name]).fetchone().lsn != before
    )


def test_a_source_whose_target_does_not_apply_falls_behind(pair: Replicated) -> None:
    pair.on_both("create table orders (id int primary key, note text)")
    pair.follow("orders")
    wait_until(lambda: pair.applied() >= current_position(pair.source))
    pair.target.execute(f'alter subscription "{pair.links[0].name}" disable')
    pace = Pace()
    pace.measure(current_position(pair.source), pair.applied())
    pair.source.execute("insert into orders select n, repeat('x', 100) from generate_series(1, 1000) n")
    lag = pace.measure(current_position(pair.source), pair.applied())
    assert lag.bytes > 100_000
    assert lag.seconds > 0


def test_an_account_without_the_function_beats_all_the_same(pair: Replicated) -> None:
    function = "function pg_logical_emit_message(boolean, text, text{}) from public"
    more = ", boolean" if pair.source.info.server_version >= 170000 else ""
    pair.source.execute(f"revoke execute on {function.format(more)}")
    role = f"plain_{pair.names[0]}"
    pair.source.execute(f"create role {role}; set role {role}")
    try:
        before = current_position(pair.source)
        assert beat(pair.source)
        wait_until(lambda: current_position(pair.source) > before)
    finally:
        pair.source.execute("reset role")
        pair.source.execute(f"drop role {role}")


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_beats_and_shows_zero(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    route = postgres_server(version)
    pair = make_replicated(route, postgres_server(18))
    pair.on_both("create table orders (id int primary key)")
    pair.follow("orders")
    pair.source.execute("insert into orders values (1)")
    pace = Pace()

    def is_zero() -> bool:
        lag = pace.measure(current_position(pair.source), pair.applied())
        beat(pair.source)
        return lag == Lag(bytes=0, seconds=0.0)

    wait_until(is_zero)
    assert pair.target.execute("select count(*) as n from orders").fetchone().n == 1
