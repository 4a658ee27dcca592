"""A completion that is called off gives all back, and the next one aligns once more what changes do not carry."""

import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from runs import Bench, eventually, is_message

SEED = """
create table public.account (id int primary key, balance int);
create table public.receipt (number int unique, body json);
create table public.event (body json);
create unlogged table public.cache (k int primary key, v text);
create materialized view public.cached as select count(*) as entries, max(v) as latest from public.cache;
create sequence public.invoice;
insert into public.account select n, 0 from generate_series(1, 20) n;
insert into public.cache select n, 'seed' from generate_series(1, 5) n;
refresh materialized view public.cached;
insert into public.receipt select n, '{}' from generate_series(1, 50) n;
insert into public.event select '{}' from generate_series(1, 50) n;
"""

IN_PROOF_SECONDS = 1.0


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """A source with tables of which only inserts are followed: they have no key, and json has no equality."""
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    return bench


@pytest.fixture
def spec(shop: Bench) -> Path:
    stages = {"incremental": {"engine": "stream"}, "complete": {"still": 0}}
    ends = {"source": shop.endpoint(shop.source), "target": shop.endpoint(shop.target)}
    # This gate asks for the size of every table, and would wait for one that a test locks.
    policy = {"dtsrun_policy": 1, "checks": {"gate.statistics": {"severity": "off"}}}
    migration = {"type": "full_incremental", "stages": stages}
    return shop.spec(**ends, migration=migration, prechecks={"policy": policy})


def is_proved(summary: str) -> bool:
    return '"aligning"' in summary or ('"proving"' in summary and '"is_still": true' in summary)


@contextmanager
def between_proof_and_copy(shop: Bench) -> Iterator[None]:
    """Ask for completion, and hold it when the proof is done, before the snapshot of the copy: a runner that cannot
    write its journal begins no phase."""
    with shop.journal() as journal:
        journal.requests.ask("move", "complete")
    with closing(sqlite3.connect(shop.home / "journal.sqlite3", timeout=10, isolation_level=None)) as held:
        query = "select summary from task where name = 'move'"
        # The last that is written before the proof: the link's slot stands still.
        until = time.monotonic() + 60
        while not is_proved(held.execute(query).fetchone()[0]):
            assert time.monotonic() < until
        held.execute("begin immediate")
        time.sleep(IN_PROOF_SECONDS)
        yield
        held.execute("rollback")


def change_what_no_change_carries(shop: Bench, number: int) -> None:
    """Change what is aligned at completion, each time another way."""
    shop.on_source(
        "shop",
        f"delete from public.cache where k = {number}; insert into public.cache values (10 + {number}, '{number}')",
    )
    shop.on_source("shop", f"refresh materialized view public.cached; select setval('public.invoice', 100 / {number})")
    shop.on_source("shop", f"select lo_unlink(oid) from pg_largeobject_metadata where oid = 900000 + {number} - 1")
    shop.on_source("shop", f"select lo_from_bytea(900000 + {number}, 'kept'), lo_from_bytea(900100 + {number}, 'new')")
    shop.on_source(
        "shop", "select lo_put(oid, 0, 'changed') from pg_largeobject_metadata where oid between 900100 and 900200"
    )


def insert_late(shop: Bench) -> None:
    shop.on_source("shop", "insert into public.receipt select n, '{\"late\": 1}' from generate_series(101, 110) n")
    shop.on_source("shop", "insert into public.event select '{\"late\": 1}' from generate_series(1, 10) n")


def test_what_an_earlier_completion_aligned_is_aligned_again(shop: Bench, spec: Path) -> None:
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    change_what_no_change_carries(shop, 1)
    with between_proof_and_copy(shop):
        insert_late(shop)
    assert running.wait_for(is_message("called off")), running.end().said
    # The link goes on: what is inserted after all that arrives, and nothing has come twice.
    shop.on_source("shop", "insert into public.receipt values (999, '{}'); insert into public.event values ('{}')")
    eventually(lambda: shop.on_target("shop", "select number from public.receipt where number = 999"))
    late = shop.on_target("shop", "select count(*) as n from public.event where body::text like '%%late%%'")
    assert late == [(10,)]
    change_what_no_change_carries(shop, 2)
    shop.completes(running)
    rows = (
        "select relname::text, reltuples::int from pg_class where relname in ('cache', 'event', 'receipt') order by 1"
    )
    assert [count for _, count in shop.on_target("shop", rows)] == [5, 61, 61]  # what was copied anew is analyzed


def test_a_comparison_that_takes_too_long_is_cancelled_and_the_fence_put_back(shop: Bench, spec: Path) -> None:
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    holder = psycopg.connect(shop.target.route.conninfo("shop"))
    holder.execute("lock table public.account in access exclusive mode")  # what verification waits for
    began = time.monotonic()
    asked = shop.run("complete", "move", "--fence", "read_only", "--timeout", "12s")
    assert asked.code == 5, asked.said
    assert "completion took longer than 12 s" in asked.said
    assert re.search(r"verifying [0-9]+ s\): .* is not done", asked.said), asked.said
    assert time.monotonic() - began < 30
    shop.on_source("shop", "insert into public.receipt values (500, '{}')")  # nobody is kept from writing
    at_work = (
        "select from pg_stat_activity where query like '%%account%%' and state = 'active' and pid <> pg_backend_pid()"
    )
    assert shop.on_target(None, at_work) == []
    holder.close()
    shop.completes(running)


@pytest.mark.parametrize("fence", ["none", "read_only"])
def test_a_sequence_is_set_ahead_where_somebody_is_connected_and_no_fence_holds_him(
    shop: Bench, spec: Path, fence: str
) -> None:
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    with psycopg.connect(shop.source.route.conninfo("shop"), autocommit=True) as somebody:
        somebody.execute("select nextval('public.invoice') from generate_series(1, 50)")
        asked = shop.run("complete", "move", "--fence", fence, "--force")
    assert asked.code == 0, asked.said
    assert running.end().code == 0
    value = shop.on_target("shop", "select last_value from public.invoice")[0].last_value
    if fence == "none":
        assert value > 50
        assert f"SEQUENCE public.invoice: was set to {value}, ahead of the source's 50" in shop.run("show", "move").said
    else:
        assert value == 50


def test_after_a_kill_under_the_fence_cleanup_lifts_it(shop: Bench, spec: Path) -> None:
    count = "select count(*) as n from pg_db_role_setting where 'default_transaction_read_only=on' = any (setconfig)"
    running = shop.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    with psycopg.connect(shop.target.route.conninfo("shop")) as holder:
        holder.execute("lock table public.account in access exclusive mode")  # what verification waits for
        with shop.journal() as journal:
            journal.requests.ask("move", "complete", {"fence": "read_only"})
        eventually(lambda: shop.on_source(None, count)[0].n, 60)
        running.send(signal.SIGKILL)
        running.end()
    assert shop.on_source(None, count)[0].n == 1
    cleaned = shop.run("cleanup", "move")
    assert cleaned.code == 0, cleaned.said
    assert "gave back fence read_only of shop on the source" in cleaned.said
    assert shop.on_source(None, count)[0].n == 0
    shop.on_source("shop", "insert into public.receipt values (700, '{}')")
    assert shop.slots_left() == []
    assert shop.task().state == "stopped"
