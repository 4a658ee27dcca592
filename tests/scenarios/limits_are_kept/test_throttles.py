"""Copies give way to the source's health: they stand still while it is bad, say so, and then move every row."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from runs import Bench, Running, eventually, execute, is_message

from dtsrun.testing.standby import Standby, standby_of

OFTEN = "100ms"


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """Two tables of some eight megabytes each, with keys and an index."""
    bench.on_source(None, "create database shop")
    for name in ("a", "b"):
        bench.on_source(
            "shop",
            f"create table public.{name} (n int primary key, note text);"
            f" insert into public.{name} select n, repeat(md5(n::text), 30) from generate_series(1, 8000) n;"
            f" create index on public.{name} (note)",
        )
    return bench


@pytest.fixture
def standby(bench: Bench) -> Iterator[Standby]:
    with standby_of(bench.source.route, 16) as made:
        yield made


def spec(shop: Bench, resources: dict[str, Any] | None = None, **throttle: Any) -> Any:
    settings = {"every": OFTEN, **throttle}
    return shop.spec(resources={"copy": 2, "rate_limit": "4MB/s", "throttle": settings, **(resources or {})})


def copied(running: Running) -> int:
    return max((event["copied"] for event in running.seen if event["event"] == "progress"), default=0)


def write(shop: Bench, megabytes: int) -> None:
    statement = "select pg_logical_emit_message(false, 'test', repeat('x', 1000000)) from generate_series(1, %s)"
    shop.on_source(None, statement, megabytes)


def is_under_way(event: dict[str, Any]) -> bool:
    return event["event"] == "progress" and event["copied"] > 2**21


def held_for(shop: Bench) -> list[dict[str, Any]]:
    """Return the ends of all holds, as the journal has them."""
    with shop.journal() as journal:
        events = journal.events("move")
    return [dict(event.data) for event in events if event.kind == "throttle" and event.data["state"] == "released"]


def assert_moved(shop: Bench, running: Running, why: str) -> None:
    """The task ended well after a hold, which its report tells of."""
    done = running.end()
    assert done.code == 0, done.said
    assert shop.differences() == []
    report = shop.run("show", "move").out
    assert "Held for a server's sake" in report
    assert why in report
    assert sum(hold["seconds"] for hold in held_for(shop)) >= 1
    assert shop.leftovers() == {}


def test_a_standby_that_falls_behind_holds_the_copies(shop: Bench, standby: Standby) -> None:
    standby.pause()
    running = shop.start(spec(shop, {"rate_limit": "1MB/s"}, replica_lag={"limit": "2MB"}))
    assert running.wait_for(is_under_way)
    write(shop, 4)
    assert running.wait_for(is_message("copies are held: standby standby is "))
    # What is on the way when the hold begins counts as copied.
    assert running.wait_for(lambda event: event["event"] == "progress" and bool(event["held"]), 2)
    before = copied(running)
    assert before < 12 * 2**20
    time.sleep(2.0)
    standby.resume()
    assert running.wait_for(is_message("copies go on; held for "))
    assert copied(running) - before < 2**20
    assert_moved(shop, running, "standby standby is ")


def test_sessions_at_work_hold_the_copies(shop: Bench) -> None:
    running = shop.start(spec(shop, active_sessions={"limit": 2}))
    assert running.wait_for(is_under_way)
    with at_work(shop, 3):
        assert running.wait_for(is_message("copies are held: 3 active sessions, limit 2"))
        time.sleep(1.2)
    assert_moved(shop, running, "3 active sessions, limit 2")


def test_a_slot_that_nobody_reads_holds_the_copies_no_longer_than_it_may(shop: Bench) -> None:
    shop.on_source(None, "select pg_create_physical_replication_slot('idle', true)")
    write(shop, 3)
    # It was bad before the copies began, and stays bad: they begin all the same.
    running = shop.start(spec(shop, hold_at_most="2s", retained_wal={"limit": "1MB"}))
    assert running.wait_for(is_message("copies are held: slot idle holds back "))
    assert running.wait_for(is_message("copies go on slowly, since no hold may last longer; held for 2"))
    done = running.end()
    assert done.code == 0, done.said
    assert shop.differences() == []
    [hold] = held_for(shop)
    assert 2 <= hold["seconds"] < 4
    shop.on_source(None, "select pg_drop_replication_slot('idle')")


def test_a_slot_that_is_dropped_lets_the_copies_go(shop: Bench) -> None:
    shop.on_source(None, "select pg_create_physical_replication_slot('idle', true)")
    write(shop, 3)
    running = shop.start(spec(shop, retained_wal={"limit": "1MB"}))
    assert running.wait_for(is_message("copies are held: slot idle holds back "))
    time.sleep(1.2)
    # Nothing began: neither a copy nor an index.
    started = {step.key for step in shop.steps().values() if step.started_at and step.lane in ("copy", "index")}
    assert started == set()
    shop.on_source(None, "select pg_drop_replication_slot('idle')")
    assert_moved(shop, running, "slot idle holds back ")


def test_parts_of_tables_and_batches_are_held_too(shop: Bench) -> None:
    for number in range(30):
        statement = f"create table public.small_{number} as select n, md5(n::text) from generate_series(1, 500) n"
        shop.on_source("shop", statement)
    running = shop.start(spec(shop, {"split_tables_larger_than": "1MB"}, active_sessions={"limit": 2}))
    assert running.wait_for(is_under_way)
    with at_work(shop, 3):
        assert running.wait_for(is_message("copies are held: "))
        time.sleep(1.2)
    assert_moved(shop, running, "3 active sessions, limit 2")
    assert any(" part " in key for key in shop.steps())


def test_a_session_that_is_cut_is_opened_anew(shop: Bench) -> None:
    running = shop.start(spec(shop, active_sessions={"limit": 2}))
    assert running.wait_for(is_under_way)
    with at_work(shop, 3):
        assert running.wait_for(is_message("copies are held: "))
        query = "select pg_terminate_backend(pid) as cut from pg_stat_activity where application_name like '%%throttle'"
        assert [row.cut for row in shop.on_source(None, query)] == [True]
        eventually(lambda: shop.on_source(None, query.replace("pg_terminate_backend(pid)", "pid")))
        time.sleep(1.2)
    assert_moved(shop, running, "3 active sessions, limit 2")
    assert not any("cannot be read" in event.get("text", "") for event in running.seen)


@pytest.mark.parametrize("unread", ["go_on", "hold"])
def test_a_privilege_that_is_missing_is_said_once(shop: Bench, unread: str) -> None:
    shop.on_source(None, "create role mover login password 'mover'; grant pg_read_all_data to mover")
    shop.variables["MOVER"] = "mover"
    source = {**shop.endpoint(shop.source), "account": "mover", "password": {"env": "MOVER"}}
    settings = {"every": OFTEN, "unread": unread, "hold_at_most": "1s", "active_sessions": {"limit": 5}}
    chosen = {"databases": {"shop": {"include": [{"table": "public.*"}]}}}
    path = shop.spec(
        source=source, migration={"type": "full", "objects": chosen}, resources={"copy": 2, "throttle": settings}
    )
    done = shop.run(path)
    assert done.code == 0, done.said
    said = [line for line in done.said.splitlines() if "cannot be read" in line and "grant pg_monitor to mover" in line]
    assert len(said) == 1, done.said
    assert [hold["why"] for hold in held_for(shop)] == (
        [] if unread == "go_on" else ["throttle.active_sessions cannot be read"]
    )
    assert shop.on_target("shop", "select count(*) as n from public.a")[0].n == 8000


def test_a_hold_is_left_at_once_by_pause_and_by_ctrl_c(shop: Bench) -> None:
    path = spec(shop, active_sessions={"limit": 2})
    with at_work(shop, 3):
        running = shop.start(path)
        assert running.wait_for(is_message("copies are held: "))
        began = time.monotonic()
        assert shop.run("pause", "move").code == 0
        assert running.end().code == 130
        assert time.monotonic() - began < 5
    running = shop.start(path)
    assert running.wait_for(is_under_way)
    with at_work(shop, 3):
        assert running.wait_for(is_message("copies are held: "))
        began = time.monotonic()
        running.send(signal.SIGINT)
        assert running.end().code == 130
        assert time.monotonic() - began < 5
    done = shop.run(path)
    assert done.code == 0, done.said
    assert shop.differences() == []


def test_changes_are_followed_from_a_copy_that_was_held(shop: Bench) -> None:
    settings = {"every": OFTEN, "active_sessions": {"limit": 2}, "retained_wal": {"limit": "1MB"}}
    path = shop.spec(
        source=shop.endpoint(shop.source),
        target=shop.endpoint(shop.target),
        migration={"type": "full_incremental", "stages": {"complete": {"when": "caught_up"}}},
        resources={"copy": 2, "rate_limit": "4MB/s", "throttle": settings},
        prechecks={"policy": {"alarms": "continue"}},
    )
    running = shop.start(path)
    assert running.wait_for(is_under_way)
    with at_work(shop, 3):
        assert running.wait_for(is_message("copies are held: 3 active sessions"))
        shop.on_source("shop", "insert into public.a select n, 'late' from generate_series(8001, 12000) n")
        write(shop, 3)
        # The task's own slot is beyond the limit: told, and no reason to hold.
        assert running.wait_for(is_message("a hold would only make it more"))
    done = running.end()
    assert done.code == 0, done.said
    assert shop.differences() == []
    assert {hold["why"] for hold in held_for(shop)} == {"3 active sessions, limit 2"}


def test_a_cutover_gives_way_to_nothing(shop: Bench) -> None:
    path = shop.spec(
        source=shop.endpoint(shop.source),
        target=shop.endpoint(shop.target),
        migration={"type": "full_incremental"},
        resources={"copy": 2, "throttle": {"every": OFTEN, "active_sessions": {"limit": 2}}},
        prechecks={"policy": {"alarms": "continue"}},
    )
    running = shop.start(path)
    eventually(lambda: "move" in shop.run("list").out and shop.task().state == "syncing", 60)
    with at_work(shop, 3):
        done = shop.run("complete", "move")
        assert done.code == 0, done.said
    assert running.end().code == 0
    assert held_for(shop) == []
    assert shop.differences() == []


@contextmanager
def at_work(shop: Bench, count: int) -> Iterator[None]:
    """Sessions of an application, each in the middle of a statement."""
    conninfo = shop.source.route.conninfo()
    sessions = [psycopg.connect(conninfo, application_name="billing", autocommit=True) for _ in range(count)]
    for session in sessions:
        session.pgconn.send_query(b"select pg_catalog.pg_sleep(60)")
    try:
        yield
    finally:
        pids = [session.info.backend_pid for session in sessions]
        execute(shop.source.route, None, "select pg_terminate_backend(pid) from unnest(%s::int[]) pid", pids)
        for session in sessions:
            session.close()
