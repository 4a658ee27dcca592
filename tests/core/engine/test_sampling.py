"""Signals are read over sessions of their own, whatever happens to them, and none outlives the copies."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from dtsrun.api import Resources, Route, Signal, Throttle, Throttling, Undetermined
from dtsrun.engine.ends import Ends
from dtsrun.engine.sampling import giving_way
from dtsrun.inventory import read_server_facts
from dtsrun.postgres.session import connect
from dtsrun.registry import Registry
from dtsrun.testing.fakes import make_spec
from dtsrun.throttle import Pace


class Probe(Throttle):
    """A look that the test writes."""

    name = "throttle.probe"

    def look(self, context: Any) -> Signal:
        return self.act(context)

    act: Callable[[Any], Signal]


class TargetProbe(Probe):
    """The same on the target."""

    name = "throttle.target_probe"
    side = "target"


def calm(context: Any) -> Signal:
    context.connection.execute("select 1")
    return Signal(reading=0, limit=1, told="calm")


class Run:
    """Both ends, and what was told."""

    def __init__(self, source: Route, target: Route) -> None:
        routes: Any = {"source": source, "target": target}
        facts: Any = {}
        for side, route in routes.items():
            with connect(route) as connection:
                facts[side] = read_server_facts(connection)
        self.probe, self.target_probe = Probe(), TargetProbe()
        self.probe.act = self.target_probe.act = calm  # type: ignore[method-assign]
        registry = Registry({each.name: each for each in (self.probe, self.target_probe)})
        self.ends = Ends(make_spec({}), registry, routes, facts)
        self.pace = Pace(None)
        self.said: list[str] = []

    @contextmanager
    def giving_way(self, *names: str, **settings: Any) -> Iterator[None]:
        signals = {name: {"limit": 1} for name in names}
        throttling = Throttling(every=0.05, signals=signals, **settings)
        self.ends = replace(self.ends, spec=replace(self.ends.spec, resources=Resources(throttle=throttling)))
        with giving_way(self.ends, self.pace, lambda message, data: self.said.append(message)):
            yield


@pytest.fixture
def run(source_route: Route, target_route: Route) -> Run:
    return Run(source_route, target_route)


def eventually(look: Callable[[], Any]) -> Any:
    until = time.monotonic() + 10
    while not (seen := look()):
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.02)
    return seen


def sessions(route: Route) -> list[Any]:
    query = "select pid from pg_stat_activity where application_name = 'dtsrun test throttle'"
    with connect(route) as connection:
        return [row.pid for row in connection.execute(query).fetchall()]


def test_each_server_is_looked_at_over_one_session_that_only_reads(run: Run, source_route: Route) -> None:
    seen: dict[str, set[Any]] = {"source": set(), "target": set()}

    def look_at(side: str) -> Callable[[Any], Signal]:
        def look(context: Any) -> Signal:
            setting = context.connection.execute("show default_transaction_read_only").fetchone()[0]
            seen[side].add((context.connection.info.server_version // 10000, context.facts.major, setting))
            seen[side].add(context.connection.info.backend_pid)
            return calm(context)

        return look

    run.probe.act, run.target_probe.act = look_at("source"), look_at("target")  # type: ignore[method-assign]
    with run.giving_way("probe", "target_probe"):
        eventually(lambda: len(seen["source"]) == len(seen["target"]) == 2)
        time.sleep(0.3)
    assert [(16, 16, "on") in seen["source"], (18, 18, "on") in seen["target"]] == [True, True]
    assert len(seen["source"]) == len(seen["target"]) == 2  # always the same session
    assert eventually(lambda: sessions(source_route) == [])


def test_nothing_is_opened_where_nothing_is_named(run: Run, source_route: Route) -> None:
    with giving_way(run.ends, run.pace, lambda message, data: None):
        time.sleep(0.2)
        assert sessions(source_route) == []


def test_a_session_that_is_cut_is_opened_anew(run: Run, source_route: Route) -> None:
    with run.giving_way("probe"):
        [first] = eventually(lambda: sessions(source_route))
        with connect(source_route) as connection:
            connection.execute("select pg_terminate_backend(%s)", [first])
        assert eventually(lambda: [pid for pid in sessions(source_route) if pid != first])
    assert run.said == []


def test_a_throttle_that_is_broken_is_said_and_holds_nothing(run: Run) -> None:
    def broken(context: Any) -> Signal:
        return Signal(reading=1 / 0, limit=1, told="")

    run.probe.act = broken  # type: ignore[method-assign]
    with run.giving_way("probe"):
        eventually(lambda: run.said)
        assert not run.pace.is_held
    assert run.said == [
        "throttle.probe cannot be read: it is broken: ZeroDivisionError: division by zero; copies go on without it"
    ]


def test_what_is_not_known_may_hold_and_is_let_go_in_the_end(run: Run) -> None:
    def blind(context: Any) -> Signal:
        raise Undetermined("no right")

    run.probe.act = blind  # type: ignore[method-assign]
    with run.giving_way("probe", unread="hold"):
        eventually(lambda: run.pace.is_held)
    assert not run.pace.is_held
    assert run.said[0] == "throttle.probe cannot be read: no right; copies wait for it"
    assert run.said[-1].startswith("the copies ended; held for ")


def test_a_statement_that_fails_is_no_word_on_health(run: Run) -> None:
    def writes(context: Any) -> Signal:
        context.connection.execute("create table public.mine ()")
        return calm(context)

    run.probe.act = writes  # type: ignore[method-assign]
    with run.giving_way("probe"):
        eventually(lambda: run.said)
    assert "cannot execute CREATE TABLE in a read-only transaction" in run.said[0]


def test_the_end_does_not_wait_for_a_look_that_hangs(run: Run, source_route: Route) -> None:
    def hangs(context: Any) -> Signal:
        context.connection.execute("select pg_sleep(60)")
        return calm(context)

    run.probe.act = hangs  # type: ignore[method-assign]
    with run.giving_way("probe"):
        eventually(lambda: sessions(source_route))
        began = time.monotonic()
    assert time.monotonic() - began < 3
    assert eventually(lambda: sessions(source_route) == [])
    assert run.said == []


def test_a_server_that_is_gone_is_said_after_some_looks(run: Run) -> None:
    gone = replace(run.ends.routes["source"], parameters={**run.ends.routes["source"].parameters, "port": "1"})
    run.ends = replace(run.ends, routes={**run.ends.routes, "source": gone})
    with run.giving_way("probe"):
        eventually(lambda: run.said)
    assert run.said[0].startswith("throttle.probe cannot be read: connection ")
    with pytest.raises(psycopg.OperationalError):
        connect(gone)
