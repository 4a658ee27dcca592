"""Killed at any moment, the same command continues: nothing twice, nothing missing, nothing left behind."""

from __future__ import annotations

import shutil
import signal

import pytest
from psycopg import sql
from runs import Bench, Done, is_message, is_step

MOMENTS = [1, 2, 4, 7, 11, 14, 18]
"""After how many finished steps the runner is killed."""

TWO_TABLES = """
create table public.account (id int primary key, note text);
create table public.visit (id int primary key, note text, account int references public.account);
insert into public.account select n, repeat('seed', 20) from generate_series(1, 60000) n;
insert into public.visit select n, repeat('seed', 40), n from generate_series(1, 60000) n;
"""
WRITTEN_BETWEEN = """
delete from public.visit where id <= 10;
delete from public.account where id <= 10;
insert into public.account values (70000, 'new');
insert into public.visit values (70000, 'new', 70000);
"""


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """The small shop on the source."""
    bench.seed("small_shop.sql")
    return bench


def finished(shop: Bench, done: Done) -> None:
    assert done.code == 0, done.said
    assert shop.differences() == []
    assert shop.leftovers() == {}


def test_by_sigkill_after_any_step(shop: Bench) -> None:
    spec = shop.spec()
    kept: dict[tuple[str, str], tuple[object, ...]] = {}
    for moment in MOMENTS:
        running = shop.start(spec)
        if not running.wait_for(is_step(), moment):
            break
        running.send(signal.SIGKILL)
        assert running.end().code == -signal.SIGKILL
        marks = shop.marks()
        # What was done before the kill is the very same work after it, not done again.
        assert {key: marks[key] for key in kept} == kept
        kept = marks
    assert kept, "it was never killed in the middle of its work"
    finished(shop, shop.run(spec))


def test_by_sigkill_while_rows_are_on_their_way(shop: Bench) -> None:
    shop.on_source(
        "shop", "create table public.wide as select n, repeat(md5(n::text), 30) from generate_series(1, 60000) n"
    )
    spec = shop.spec()
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full/public.wide", "running"))
    running.send(signal.SIGKILL)
    running.end()
    assert ("shop", "shop/full/public.wide") not in shop.marks()
    finished(shop, shop.run(spec))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_by_a_signal_it_stops_cleanly_and_says_how_to_go_on(shop: Bench, number: signal.Signals) -> None:
    spec = shop.spec()
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full"), 1)
    running.send(number)
    done = running.end()
    assert done.code == 130, done.said
    assert "run the same command again" in done.err
    assert shop.task().state == "paused"
    assert shop.sessions_left() == []
    finished(shop, shop.run(spec))


def test_paused_from_another_terminal(shop: Bench) -> None:
    shop.on_source(
        "shop", "create table public.wide as select n, repeat(md5(n::text), 30) from generate_series(1, 20000) n"
    )
    spec = shop.spec(resources={"rate_limit": "5 MB/s"})  # long enough to be paused on a busy machine
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full", "running"))
    assert shop.run("pause", "move").code == 0
    done = running.end()
    assert done.code == 130, done.said
    assert shop.task().state == "paused"
    finished(shop, shop.run(spec))


def test_a_lost_snapshot_begins_a_new_epoch_and_says_so(shop: Bench) -> None:
    # One worker, so that steps remain that have to join the snapshot after it is lost.
    spec = shop.spec(resources={"copy": 1, "index": 1})
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full"), 1)
    ended = shop.on_source(
        None,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'dtsrun%%'"
        " and pid <> pg_backend_pid()",
    )
    assert ended
    assert running.wait_for(is_message("new one (epoch 2"))
    done = running.end()
    finished(shop, done)
    assert "epoch 2" in shop.run("events", "move").out


def test_a_restarted_target_is_waited_for(shop: Bench) -> None:
    spec = shop.spec()
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full"), 1)
    shop.target.stop()
    shop.target.start()
    finished(shop, running.end())


def test_without_its_journal_the_target_remembers(shop: Bench) -> None:
    spec = shop.spec()
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full"), 3)
    running.send(signal.SIGKILL)
    running.end()
    before = shop.marks()
    shutil.rmtree(shop.home)

    done = shop.run(spec)

    finished(shop, done)
    assert "the target remembers what is done" in done.err
    assert {key for _, key in before} >= {"server/task"}


def test_restart_begins_anew_and_leaves_nothing_of_the_old(shop: Bench) -> None:
    spec = shop.spec()
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full"), 2)
    running.send(signal.SIGKILL)
    running.end()
    shop.on_source("shop", "drop table stock.movement cascade")
    finished(shop, shop.run(spec, "--restart", "--yes"))


def test_restart_in_a_database_that_was_there_takes_away_what_came_and_nothing_else(shop: Bench) -> None:
    shop.on_target(None, "create database shop")
    shop.on_target("shop", "create schema own; create table own.kept as select 7 as n")
    spec = shop.spec()
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_step("shop/full"), 2), running.end().said
    running.send(signal.SIGKILL)
    running.end()
    done = shop.run(spec, "--restart", "--yes")
    with shop.journal() as journal:
        differences = journal.differences("move")
    # What is on the target alone is the only difference.
    assert (done.code, {" own" in each.object for each in differences}) == (7, {True}), done.said
    assert shop.on_target("shop", "select n from own.kept")[0].n == 7


def test_a_changed_spec_is_refused_while_the_task_is_unfinished(shop: Bench) -> None:
    running = shop.start(shop.spec())
    assert running.wait_for(is_step("shop/full"), 1)
    running.send(signal.SIGKILL)
    running.end()
    changed = shop.spec(migration={"on_conflict": "skip"})

    refused = shop.run(changed)

    assert refused.code == 2
    assert "--restart" in refused.err
    finished(shop, shop.run(shop.spec()))


def test_in_the_middle_of_a_table_in_parts_while_its_rows_move(shop: Bench) -> None:
    shop.on_source(
        "shop",
        "create table public.wide (n int, note text);"
        " insert into public.wide select n, repeat(md5(n::text), 20) from generate_series(1, 20000) n",
    )
    spec = shop.spec(resources={"copy": 1, "index": 1, "split_tables_larger_than": "2MB"})
    running = shop.start(spec)
    assert running.wait_for(is_step("shop/full/public.wide part 0002", "done"))
    running.send(signal.SIGKILL)
    running.end()
    assert any("public.wide part" in key for _, key in shop.marks())
    # An updated row lies on another page: parts of the old snapshot and of the new one would not make a table.
    shop.on_source("shop", "update public.wide set note = 'moved' where n % 3 = 0")
    finished(shop, shop.run(spec))


def test_a_key_between_rows_of_two_snapshots_says_how_to_get_there(bench: Bench) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", TWO_TABLES)
    spec = bench.spec(resources={"copy": 1})
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_step("shop/full/"))
    running.send(signal.SIGKILL)
    running.end()
    bench.on_source("shop", WRITTEN_BETWEEN)
    done = bench.run(spec, "--yes")
    assert done.code == 5, done.said
    said = " ".join(done.said.split())
    assert "FK CONSTRAINT public.visit visit_account_fkey" in said
    assert "copied in different snapshots, and the source was written to in between: start over with --restart" in said
    finished(bench, bench.run(spec, "--restart", "--yes"))
