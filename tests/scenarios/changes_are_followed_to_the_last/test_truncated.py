"""Tables that the application empties are emptied on the target, whatever refers to them there."""

import pytest
from psycopg import sql
from runs import Bench, eventually, is_message
from writers import hands_over

SEED = """
create table public.account (id int primary key, name text);
create table public.visit (id int primary key, account int references public.account);
create unlogged table public.cache (account int references public.account, v text);
comment on constraint cache_account_fkey on public.cache is 'whose it is';
create table public.paper (account int references public.account, body json);
insert into public.account select n, 'old' from generate_series(1, 1000) n;
insert into public.visit select n, n from generate_series(1, 1000) n;
insert into public.cache select n, 'old' from generate_series(1, 1000) n;
insert into public.paper select n, '{}' from generate_series(1, 1000) n;
"""

EMPTIED = """
truncate public.account cascade;
insert into public.account select n, 'new' from generate_series(1, 10) n;
insert into public.visit select n, n from generate_series(1, 10) n;
insert into public.cache select n, 'new' from generate_series(1, 10) n;
insert into public.paper select n, '{"new": 1}' from generate_series(1, 10) n;
"""

KEYS = "select conname::text as name from pg_constraint where contype = 'f' and convalidated order by 1"


@pytest.mark.parametrize("engine", ["subscription", "stream"])
def test_what_refers_from_elsewhere_does_not_stop_it(bench: Bench, engine: str) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    ends = {"source": bench.endpoint(bench.source), "target": bench.endpoint(bench.target)}
    stages = {"incremental": {"engine": engine}, "complete": {"fence": "read_only"}}
    running = bench.start(bench.spec(**ends, migration={"type": "full_incremental", "stages": stages}), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    bench.on_source("shop", EMPTIED)
    eventually(lambda: bench.on_target("shop", "select name from public.account where id = 1") == [("new",)], 90)
    assert bench.on_target("shop", "select count(*)::int as n from public.visit") == [(10,)]
    assert bench.run("verify", "move").code == 0
    told = bench.run("events", "move").said
    assert ("FK CONSTRAINT public.cache cache_account_fkey is dropped" in told) == (engine == "subscription")
    assert "visit_account_fkey is dropped" not in told
    hands_over(bench, running)
    assert bench.on_target("shop", KEYS) == [("cache_account_fkey",), ("paper_account_fkey",), ("visit_account_fkey",)]
    said = "select obj_description(oid) as said from pg_constraint where conname = 'cache_account_fkey'"
    assert bench.on_target("shop", said) == [("whose it is",)]
