"""A database of which no table is followed holds numbers and large objects that a cutover must not lose either."""

from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from runs import Bench, eventually, is_message

READ_ONLY = (
    "select datname::text as name from pg_db_role_setting join pg_database d on d.oid = setdatabase"
    " where 'default_transaction_read_only=on' = any (setconfig) order by 1"
)


@pytest.fixture
def spec(bench: Bench) -> Path:
    """A shop with a table, and beside it numbers and papers without one."""
    for name in ("shop", "office"):
        bench.on_source(None, sql.SQL("create database {}").format(sql.Identifier(name)))
    bench.on_source("shop", "create table public.account (id int primary key)")
    bench.on_source("office", "create sequence public.invoice; select nextval('public.invoice'), lo_create(77001)")
    bench.write("quick.py", "from dtsrun.engine import watching\n\nwatching.LOOK_SECONDS = 0.5\n")
    return bench.spec(
        plugins=["./quick.py"],
        source=bench.endpoint(bench.source),
        target=bench.endpoint(bench.target),
        migration={"type": "full_incremental", "stages": {"complete": {"fence": "read_only"}}},
    )


def told(bench: Bench, text: str) -> int:
    """Return how often something was told."""
    return bench.run("events", "move").out.count(text)


def test_it_is_watched_and_fenced_as_the_others_are(bench: Bench, spec: Path) -> None:
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    bench.on_source("office", "select lo_put(77001, 0, 'ab')")
    eventually(lambda: told(bench, "77001 was written to") == 1, 60)
    bench.on_source("office", "select lo_put(77001, 0, 'cdef')")
    bench.on_source("office", "create table public.stamp (id int primary key); insert into public.stamp values (1)")
    eventually(lambda: told(bench, "table public.stamp is new") == 1, 60)
    # Told once, however often it is written to before somebody mends it.
    assert told(bench, "77001 was written to") == 1
    asked = bench.run("complete", "move")
    assert (asked.code, "public.stamp is new" in asked.said) == (5, True), asked.said
    assert bench.on_source(None, READ_ONLY) == []
    repaired = bench.run("repair", "move")
    assert repaired.code == 0, repaired.said
    bench.on_source("office", "insert into public.stamp values (2)")
    with psycopg.connect(bench.source.route.conninfo("office"), autocommit=True, application_name="clerk") as clerk:
        clerk.execute("select nextval('public.invoice') from generate_series(1, 9)")
        done = bench.run("complete", "move")
        assert done.code == 0, done.said
        with pytest.raises(psycopg.OperationalError):
            clerk.execute("select lo_put(77001, 0, 'late')")
    assert running.end().code == 0
    assert bench.on_source(None, READ_ONLY) == [("office",), ("shop",)]
    assert bench.on_target("office", "select last_value from public.invoice") == [(10,)]
    for name in ("office", "shop"):
        bench.on_source(None, sql.SQL("alter database {} reset all").format(sql.Identifier(name)))
    assert bench.differences() == []
    assert bench.leftovers() == {}
