"""Who can still write in spite of the fence is named, and calls a completion off where no proof would see him."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from runs import Bench, is_message

from dtsrun.engine.asking import complete

LATE = """
import os
from pathlib import Path
import psycopg
from dtsrun.engine.completing import Completing
from dtsrun.engine.following import Following

fence, prove, stop = Completing.fence, Completing.drain_and_prove, Following.stop
kept = []

def asks():
    path = Path(__file__).with_name("asked")
    return path.read_text() if path.exists() else ""

def prepare_and_fence(self):
    if asks() == "prepare":
        with psycopg.connect(os.environ["SHOP"], autocommit=True) as shop:
            shop.execute("begin; insert into public.account values (100); prepare transaction 'meanwhile'")
    fence(self)

def write_and_prove(self):
    if asks() == "write":
        kept.append(psycopg.connect(os.environ["SHOP"], autocommit=True, application_name="stubborn"))
        kept[0].execute("set default_transaction_read_only = off")
    try:
        prove(self)
    finally:
        while kept:
            kept.pop().close()

def stop_and_write(self):
    stop(self)
    if kept:
        kept[0].execute("insert into public.account select max(id) + 1 from public.account")

Following.stop = stop_and_write
Completing.fence = prepare_and_fence
Completing.drain_and_prove = write_and_prove
"""
"""An application that prepares a transaction, or writes in a session that asked for it, at the worst moment."""


@pytest.fixture
def spec(bench: Bench) -> Iterator[Path]:
    """A shop of one table, and somebody who does not stop."""
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", "create table public.account (id int primary key); insert into public.account values (1)")
    bench.variables["SHOP"] = bench.source.route.conninfo("shop")
    bench.write("late.py", LATE)
    yield bench.spec(
        plugins=["./late.py"],
        source=bench.endpoint(bench.source),
        target=bench.endpoint(bench.target),
        migration={"type": "full_incremental", "stages": {"complete": {"fence": "read_only"}}},
    )
    # Other scenarios have the same server, also where this one fails.
    bench.on_source(None, sql.SQL("alter role postgres reset default_transaction_read_only"))


def test_what_no_fence_holds_is_named_and_calls_it_off(bench: Bench, spec: Path, monkeypatch) -> None:
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    with psycopg.connect(bench.source.route.conninfo("shop"), autocommit=True) as shop:
        shop.execute("begin; insert into public.account values (50); prepare transaction 'left'")
    asked = bench.run("complete", "move")
    assert asked.code == 5, asked.said
    assert "prepared transaction 'left'" in asked.said
    assert "fencing" not in asked.said  # nobody was kept from the source for that
    bench.on_source("shop", "commit prepared 'left'")
    bench.write("asked", "prepare")
    asked = bench.run("complete", "move")
    assert asked.code == 5, asked.said
    assert "transaction 'meanwhile' of postgres on shop was prepared meanwhile" in asked.said
    bench.on_source("shop", "rollback prepared 'meanwhile'")
    bench.write("asked", "write")
    asked = bench.run("complete", "move")
    assert asked.code == 5, asked.said
    assert "public.account: 1 inserts" in asked.said
    assert "of postgres (stubborn)" in asked.said
    bench.write("asked", "nothing more")
    bench.on_source(None, sql.SQL("alter role postgres set default_transaction_read_only = off"))
    with ThreadPoolExecutor(1) as terminal, psycopg.connect(bench.target.route.conninfo("shop")) as holder:
        holder.execute("lock table public.account in access exclusive mode")  # what verification waits for
        first = terminal.submit(bench.run, "complete", "move")
        assert running.wait_for(is_message("can still write to shop: role postgres")), running.end().said
        # Who asks once more, from a third terminal, waits for the same.
        monkeypatch.setenv("DTSRUN_HOME", str(bench.home))
        second = complete("move", {"fence": "none"})
        assert next(second).startswith("completion is under way already")
        holder.rollback()
        assert [*second][-1] == "the task is complete"
        asked = first.result()
    assert asked.code == 0, asked.said
    # Each phase is told to who asked, however soon it was over, and in the end what he has to know.
    phases = re.findall("^completing: (.*)$", asked.out, re.MULTILINE)
    assert phases == ["waiting", "gating", "fencing", "draining", "proving", "aligning", "verifying", "removing"]
    assert "the task is complete\ncan still write to shop: role postgres" in asked.said
    assert running.end().code == 0
    twice = bench.run("complete", "move")
    assert (twice.code, "task move is complete since" in twice.out) == (0, True), twice.said
    bench.on_source(None, sql.SQL("alter role postgres reset default_transaction_read_only"))
    bench.on_source(None, sql.SQL("alter database shop reset default_transaction_read_only"))
    assert bench.differences() == []
    assert bench.leftovers() == {}
