"""A completion that is called off, or killed, after it copied what changes do not carry costs no row and doubles none.

A table of which only inserts are followed is copied anew at completion, beyond the position of its link. What was
inserted between the proof and that copy came with the copy, and would come from the link once more. A plugin of the
spec inserts at just that moment.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from runs import Bench, Running, eventually, is_message, is_step

SEED = """
create table public.account (id int primary key, balance int);
create table public.receipt (number int unique, body json);
create table public.event (body json);
insert into public.account select n, 0 from generate_series(1, 20) n;
insert into public.receipt select n, '{}' from generate_series(1, 50) n;
insert into public.event select '{}' from generate_series(1, 50) n;
"""

COPIED = ("shop/complete/public.receipt", "shop/complete/public.event")


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A source with tables of which only inserts are followed: they have no key, and json has no equality."""
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    return bench


LATE = """
import os
from pathlib import Path
import psycopg
from dtsrun.engine.completing import Completing

prove = Completing.drain_and_prove

def prove_and_insert(self):
    prove(self)
    try:
        Path(__file__).with_suffix(".done").touch(exist_ok=False)
    except FileExistsError:
        return
    with psycopg.connect(os.environ["SHOP"]) as shop:
        for table in ("receipt", "event"):
            columns = "number, body" if table == "receipt" else "body"
            values = "n, '{\\"late\\": 1}'" if table == "receipt" else "'{\\"late\\": 1}'"
            shop.execute(f"insert into public.{table} ({columns}) select {values} from generate_series(101, 110) n")

Completing.drain_and_prove = prove_and_insert
"""
"""Inserts ten rows into both tables after the first proof, and before the tables are copied anew."""


@pytest.fixture(params=["subscription", pytest.param("stream", marks=pytest.mark.matrix)])
def spec(shop: Bench, request: pytest.FixtureRequest) -> Path:
    shop.write("late.py", LATE)
    shop.variables["SHOP"] = shop.source.route.conninfo("shop")
    stages = {"incremental": {"engine": request.param}}
    ends = {"source": shop.endpoint(shop.source), "target": shop.endpoint(shop.target)}
    return shop.spec(**ends, plugins=["./late.py"], migration={"type": "full_incremental", "stages": stages})


@contextmanager
def copied_and_held(shop: Bench, running: Running) -> Iterator[threading.Thread]:
    """Ask for completion, and hold it where the tables are copied anew and both ends are not compared yet."""
    asked = threading.Thread(target=shop.run, args=("complete", "move"))
    with psycopg.connect(shop.target.route.conninfo("shop")) as holder:
        holder.execute("lock table public.account in access exclusive mode")
        asked.start()
        assert running.wait_for(lambda event: any(is_step(key)(event) for key in COPIED), count=2), running.end().said
        yield asked


def test_a_late_insert_calls_it_off_and_comes_once(shop: Bench, spec: Path) -> None:
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    asked = shop.run("complete", "move")
    assert asked.code == 5, asked.said
    assert "somebody wrote to the source" in asked.said
    # The link goes on: what is inserted after all that arrives, and nothing has come twice.
    shop.on_source("shop", "insert into public.receipt values (999, '{}'); insert into public.event values ('{}')")
    eventually(lambda: shop.on_target("shop", "select 1 as found from public.receipt where number = 999"))
    for table in ("receipt", "event"):
        late = f"select count(*)::int as n from public.{table} where body::text like '%%late%%'"
        assert shop.on_target("shop", late) == [(10,)]
    shop.completes(running)


def test_a_task_that_ends_for_good_after_that_names_what_is_empty(shop: Bench, spec: Path) -> None:
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    assert shop.run("complete", "move").code == 5
    stopped = shop.run("stop", "move", "--yes")
    assert stopped.code == 0, stopped.said
    running.end()
    named = "without the rows of shop: public.event, shop: public.receipt"
    assert named in stopped.said
    assert named in " ".join(shop.run("show", "move").said.split())


def test_killed_after_the_copy_it_goes_on_and_nothing_comes_twice(shop: Bench, spec: Path) -> None:
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    with copied_and_held(shop, running) as asked:
        running.send(signal.SIGKILL)
        running.end()
    asked.join(60)
    # An asked completion goes on by itself.
    done = shop.start(spec, "--yes").end()
    assert done.code == 0, done.said
    assert shop.differences() == []
    assert shop.leftovers() == {}
