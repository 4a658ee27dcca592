"""The application writes until the cutover, and not a row is lost or doubled."""

import json
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql
from runs import Bench, eventually, is_message
from writers import SEED, Application

from dtsrun.incremental.names import link_name

Start = Callable[..., Application]

IDENTITIES = (
    "select relname::text as name, relreplident::text as identity from pg_class"
    " where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1"
)


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A source with a shop, and a target that can reach it."""
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    return bench


@pytest.fixture(params=["subscription", "stream"])
def engine(request: pytest.FixtureRequest) -> str:
    """What carries the changes: each passes the same suite."""
    return str(request.param)


def following(bench: Bench, engine: str, **stages: dict[str, Any]) -> Path:
    stages["incremental"] = {"engine": engine, **stages.get("incremental", {})}
    migration = {"type": "full_incremental", "stages": stages}
    return bench.spec(source=bench.endpoint(bench.source), target=bench.endpoint(bench.target), migration=migration)


def arrived(bench: Bench) -> None:
    """See that both ends are equal, and that nothing is left of the task."""
    bench.on_source(None, sql.SQL("alter database shop reset default_transaction_read_only"))
    # A view that was stale on the source holds on the target what its query gives.
    bench.on_source("shop", "refresh materialized view public.total")
    assert bench.differences() == []
    assert bench.leftovers() == {}
    assert bench.on_source("shop", "select from pg_publication") == []
    assert bench.on_target("shop", "select from pg_publication") == []


def leave_position(bench: Bench) -> None:
    """Leave on the target what a task of the same name does that was never undone: a position, far ahead."""
    bench.on_target(None, sql.SQL("create database shop"))
    bench.on_target(
        "shop",
        "create schema _dtsrun; create table _dtsrun.stream (link text primary key, source text not null,"
        " position text not null, committed_at timestamptz, applied_at timestamptz, counts text not null)",
    )
    system = bench.on_source(None, "select system_identifier::text as id from pg_control_system()")[0].id
    row = "insert into _dtsrun.stream values (%s, %s, 'FFFF/0', null, null, '{}')"
    bench.on_target("shop", row, link_name("move", "shop", 1), system)


def writes_on(app: Application, count: int = 150) -> None:
    before = app.commits
    eventually(lambda: app.commits > before + count)


def test_a_cutover_under_a_fence_loses_nothing(shop: Bench, application: Start, engine: str) -> None:
    before = shop.on_source("shop", IDENTITIES)
    app = application()
    spec = following(shop, engine, complete={"fence": "read_only"}, incremental={"groups": 2})
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    writes_on(app)
    assert shop.task().state == "syncing"
    asked = shop.run("complete", "move")
    assert asked.code == 0, asked.said
    done = running.end()
    assert done.code == 0, done.said
    app.stop()
    assert app.refusals
    assert shop.on_source("shop", IDENTITIES) == before
    assert shop.on_target("shop", IDENTITIES) == before
    arrived(shop)


def test_without_a_fence_a_writer_is_found_and_completion_called_off(
    shop: Bench, application: Start, engine: str
) -> None:
    app = application()
    running = shop.start(following(shop, engine), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    writes_on(app)
    asked = shop.run("complete", "move")
    assert asked.code == 5, asked.said
    # Which of the two looks finds the writer depends on when it commits.
    assert "somebody still writes to the source" in asked.said or "somebody wrote to the source" in asked.said
    assert "shop" in asked.said
    assert shop.task().state == "syncing"
    app.stop()
    asked = shop.run("complete", "move")
    assert asked.code == 0, asked.said
    assert running.end().code == 0
    arrived(shop)


def test_paused_and_resumed_it_goes_on_where_it_was(shop: Bench, application: Start, engine: str) -> None:
    app = application()
    if engine == "stream":
        leave_position(shop)
    running = shop.start(spec := following(shop, engine), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    assert shop.run("pause", "move").code == 0
    assert running.end().code == 130
    assert shop.task().state == "paused"
    writes_on(app)
    again = shop.start(spec, "--yes")
    assert again.wait_for(is_message("syncing")), again.end().said
    writes_on(app)
    app.stop()
    assert shop.run("complete", "move").code == 0
    assert again.end().code == 0
    arrived(shop)


def test_stopped_for_good_the_source_is_as_it_was(shop: Bench, application: Start, engine: str) -> None:
    before = shop.on_source("shop", IDENTITIES)
    app = application()
    running = shop.start(following(shop, engine), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    assert shop.run("stop", "move", "--yes").code == 0
    running.end()
    assert shop.task().state == "stopped"
    assert shop.on_source("shop", IDENTITIES) == before
    assert shop.on_source("shop", "select from pg_publication") == []
    assert shop.leftovers() == {}
    writes_on(app)


@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again_the_end_is_exact(shop: Bench, application: Start, engine: str, seed: int) -> None:
    """Killed while it copies, follows and completes: tables keep their epoch, and none loses or doubles a row."""
    chance = random.Random(seed)
    app = application()
    spec = following(shop, engine, complete={"fence": "read_only"})
    for _ in range(4):
        running = shop.start(spec, "--yes")
        time.sleep(chance.uniform(0.8, 4.0))
        running.send(signal.SIGKILL)
        running.end()
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    writes_on(app)
    with shop.journal() as journal:
        journal.requests.ask("move", "complete")
    time.sleep(chance.uniform(0.3, 3.0))
    running.send(signal.SIGKILL)
    running.end()
    running = shop.start(spec, "--yes")
    if running.wait_for(lambda event: event.get("state") == "syncing" or "syncing" in str(event.get("text"))):
        app.stop()
        shop.run("complete", "move")
    done = running.end()
    assert done.code == 0, done.said
    app.stop()
    arrived(shop)


def test_a_gate_that_stays_shut_calls_it_off_before_anybody_is_fenced(shop: Bench, application: Start) -> None:
    app = application()
    running = shop.start(following(shop, "subscription", complete={"fence": "read_only"}), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    writes_on(app)
    shop.on_target("shop", "drop sequence public.invoice")
    shop.on_source("shop", "select lo_from_bytea(70100, 'ef')")
    refusals = len(app.refusals)
    asked = shop.run("complete", "move")
    assert asked.code == 5, asked.said
    assert "sequence public.invoice is not on the target" in asked.said
    assert shop.task().state == "syncing"
    writes_on(app)
    assert not any("read-only" in text for text in app.refusals[refusals:])
    shop.on_target("shop", "create sequence public.invoice")
    asked = shop.run("complete", "move")
    assert asked.code == 0, asked.said
    assert running.end().code == 0
    app.stop()
    gates = {each["gate"]: each["outcome"] for each in shop.task().summary["gates"]}
    assert (gates["gate.sequences"], gates["gate.lag"], gates["gate.residual_sessions"]) == (
        "passed",
        "passed",
        "skipped",
    )
    aligned = json.loads(shop.run("show", "move", "--json").out)["aligned"]
    objects = {each["object"]: each["message"] for group in aligned for each in group["objects"]}
    (invoice,) = shop.on_source("shop", "select last_value from public.invoice")
    assert objects["SEQUENCE public.invoice"] == f"set to {invoice.last_value}"
    assert objects["TABLE public.cache"] == "100 rows copied anew"
    assert objects["MATERIALIZED VIEW public.total"] == "refreshed"
    assert objects["large object 70100"] == "copied"
    assert objects["TABLE public.log"].startswith("target: alter table")
    said = shop.run("show", "move").said
    assert "Aligned at the cutover" in said
    assert f"SEQUENCE public.invoice: set to {invoice.last_value}" in said
    arrived(shop)


def test_what_a_completion_found_different_stops_neither_the_next_run_nor_the_next_completion(shop: Bench) -> None:
    running = shop.start(spec := following(shop, "subscription"), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    shop.on_target("shop", "set session_replication_role = replica; delete from public.tag where a = 7")
    asked = shop.run("complete", "move")
    assert asked.code == 5, asked.said
    assert "2 differences between source and target, the first: shop: TABLE public.tag, row count; " in asked.said
    assert "(a, b)=(7, 7)" in shop.run("show", "move").said
    shop.on_target("shop", "set session_replication_role = replica; insert into public.tag values (7, 7, 'seed')")
    # One that fails to align something is not the end of the task either.
    shop.on_target("shop", "alter materialized view public.total rename to hidden")
    asked = shop.run("complete", "move")
    assert (asked.code, "could not be moved" in asked.said) == (5, True), asked.said
    assert shop.run("pause", "move").code == 0
    assert running.end().code == 130
    shop.on_target("shop", "alter materialized view public.hidden rename to total")
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    asked = shop.run("complete", "move")
    assert asked.code == 0, asked.said
    assert running.end().code == 0
    arrived(shop)


def test_a_carrier_that_hangs_holds_completion_no_longer_than_its_timeout(shop: Bench, application: Start) -> None:
    app = application()
    running = shop.start(following(shop, "stream", complete={"fence": "read_only"}), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    writes_on(app)
    app.stop()
    (carrier,) = running.children("spawn_main")
    os.kill(carrier, signal.SIGSTOP)
    try:
        # There is something that it has not applied, whatever it said last.
        shop.on_source("shop", "create table public.more (n int); drop table public.more")
        asked = shop.run("complete", "move", "--timeout", "3s")
        assert asked.code == 5, asked.said
        assert "completion took longer than 3 s" in asked.said
        assert "waiting" in asked.said
        assert shop.task().state == "syncing"
    finally:
        os.kill(carrier, signal.SIGCONT)
    assert shop.run("complete", "move").code == 0
    assert running.end().code == 0
    arrived(shop)


BEHIND_TWICE = """
from dtsrun.api import Finding, Fix
from dtsrun_plugins.gates.lag import ZeroLag as Lag

check = Lag.check
left = [2]

def behind_twice(self, context):
    if left[0]:
        left[0] -= 1
        yield Finding(subject="link", message="behind", observed="1", expected="0", fix=Fix(text="wait"))
    else:
        yield from check(self, context)

Lag.check = behind_twice
"""


def test_a_lag_that_comes_and_goes_is_waited_for(shop: Bench) -> None:
    shop.write("behind.py", BEHIND_TWICE)
    ends = {"source": shop.endpoint(shop.source), "target": shop.endpoint(shop.target)}
    spec = shop.spec(**ends, plugins=["./behind.py"], migration={"type": "full_incremental"})
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    asked = shop.run("complete", "move")
    assert asked.code == 0, asked.said
    assert running.end().code == 0
    arrived(shop)


def test_partitions_that_differ_between_servers_are_refused_before_anything_is_made(bench: Bench) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source(
        "shop",
        "create type public.colour as enum ('red', 'blue');"
        "create table public.paint (c public.colour, primary key (c)) partition by hash (c);"
        "create table public.paint_0 partition of public.paint for values with (modulus 2, remainder 0);"
        "create table public.paint_1 partition of public.paint for values with (modulus 2, remainder 1)",
    )
    done = bench.run(following(bench, "subscription"), "--yes")
    assert done.code == 5
    assert "changes of public.paint cannot be followed" in done.said
    assert bench.slots_left() == []
    assert bench.on_source("shop", "select from pg_publication") == []
