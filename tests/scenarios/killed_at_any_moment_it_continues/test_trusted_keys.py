"""Foreign keys that are taken on trust hold in any case: across a kill, and when the source has gone on meanwhile."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest
from runs import Bench, is_step

KEY = "shop/indexes/FK CONSTRAINT public.line line_customer_fkey"
ROWS = "shop/full/public.line"
MADE = """
create table public.customer (id int primary key, note text);
insert into public.customer select n, 'customer ' || n from generate_series(1, 500) n;
create table public.line (id int primary key, customer int not null references public.customer, note text);
insert into public.line select n, n % 500 + 1, repeat(md5(n::text), 50) from generate_series(1, 6000) n;
"""
"""The referring table is just large enough for its key to be worth a step."""
VALID = "select convalidated from pg_constraint where conname = 'line_customer_fkey'"
ORPHANS = (
    "select count(*)::int as n from public.line l"
    " where not exists (select from public.customer c where c.id = l.customer)"
)


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """Customers, and lines that refer to them."""
    bench.seed("small_shop.sql")
    bench.on_source("shop", MADE)
    return bench


def spec_of(shop: Bench, **resources: object) -> Path:
    return shop.spec(migration={"stages": {"indexes": {"foreign_keys": "trusted"}}}, resources=resources)


def killed_before_the_rows(shop: Bench, spec: Path) -> None:
    """Kill a run when the key is made and the referred rows are in, while the referring ones are on their way."""
    running = shop.start(spec)
    assert running.wait_for(is_step(KEY, "done"))
    running.send(signal.SIGKILL)
    running.end()
    marks = shop.marks()
    assert ("shop", KEY) in marks
    assert ("shop", ROWS) not in marks


def test_made_before_the_rows_it_holds_after_a_kill(shop: Bench) -> None:
    spec = spec_of(shop, rate_limit="2MB/s")
    assert "shop: public.line" in shop.run("plan", spec).out.partition("Foreign keys")[2].partition("Order")[0]
    killed_before_the_rows(shop, spec)
    done = shop.run(spec)
    assert done.code == 0, done.said
    assert shop.differences() == []
    assert shop.on_target("shop", VALID)[0].convalidated


@pytest.mark.parametrize("remembers", [True, False], ids=["with its journal", "without its journal"])
def test_rows_of_another_snapshot_are_looked_up(shop: Bench, remembers: bool) -> None:
    spec = spec_of(shop, rate_limit="2MB/s")
    killed_before_the_rows(shop, spec)
    if not remembers:
        shutil.rmtree(shop.home)
    shop.on_source(
        "shop", "insert into public.customer values (501, 'new'); insert into public.line values (6001, 501, 'new')"
    )
    done = shop.run(spec, "--yes")
    assert done.code != 0
    assert "line_customer_fkey" in done.said
    assert shop.on_target("shop", ORPHANS)[0].n == 0, "its key says that there are none"
