"""What cannot be moved is named with its cause; everything else is moved, and the same command does only the rest."""

from __future__ import annotations

from runs import Bench

SHOP = """
create table public.good as select n from generate_series(1, 500) n;
create table public.ratio (id int primary key, n int); insert into public.ratio values (1, 0);
create materialized view public.quotas as select id, 1 / n as quota from public.ratio with no data;
create function public.half(int) returns int language plpgsql immutable as $$ begin return $1 / 2; end $$;
create table public.odd (n int check (public.half(n) > 0)); insert into public.odd values (4), (6);
create or replace function public.half(int) returns int language plpgsql immutable as
    $$ begin return case $1 when 4 then -1 else $1 / 2 end; end $$;
create unique index good_n on public.good (n);
"""


def test_rows_that_break_their_own_constraint_arrive_and_the_constraint_is_named(bench: Bench) -> None:
    bench.on_source(None, "create database shop")
    bench.on_source("shop", SHOP)
    done = bench.run(bench.spec())
    assert "odd_n_check" in done.said
    assert bench.on_target("shop", "select n from public.odd order by n") == [(4,), (6,)]
    assert bench.on_target("shop", "select count(*) as n from public.good")[0].n == 500


def test_an_index_that_cannot_be_built_is_named_and_a_second_run_does_only_the_rest(bench: Bench) -> None:
    bench.on_source(None, "create database shop")
    bench.on_source("shop", "create table public.good as select n from generate_series(1, 500) n")
    bench.on_source("shop", "create table public.t (n int)")
    bench.on_source("shop", "insert into public.t values (1), (2)")
    # The target has a rule of its own that forbids one index: its name is taken by something else.
    bench.on_source("shop", "create index taken on public.t (n)")
    bench.on_target(None, "create database shop")
    bench.on_target("shop", "create table public.taken (x int)")
    spec = bench.spec(migration={"objects": {"databases": {"shop": {"include": [{"table": "*"}]}}}})

    first = bench.run(spec, "--yes")

    assert first.code == 5, first.said
    assert "taken" in first.said
    assert "already exists" in first.said
    assert bench.on_target("shop", "select count(*) as n from public.good")[0].n == 500
    before = bench.marks()

    bench.on_target("shop", "drop table public.taken")
    second = bench.run(spec, "--yes")

    assert second.code == 0, second.said
    assert before
    assert bench.on_target("shop", "select indexname from pg_indexes where schemaname = 'public'") == [("taken",)]
    assert bench.leftovers() == {}
