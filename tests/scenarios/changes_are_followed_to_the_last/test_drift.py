"""What the application changes beside its rows is told, and `dtsrun repair` mends it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, eventually, is_message
from writers import SEED, Application

Start = Callable[..., Application]


@pytest.fixture
def spec(bench: Bench) -> Path:
    """A shop with an index, and what moves it."""
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    bench.on_source("shop", "create view public.names as select 1 as one")
    bench.on_source("shop", "create role reader; grant select on public.names to reader")
    return bench.spec(
        source=bench.endpoint(bench.source),
        target=bench.endpoint(bench.target),
        migration={"type": "full_incremental"},
        settings={"retry": {"for": "3m"}},  # so long a refused change is waited for
    )


def test_ddl_and_large_objects_are_told_listed_and_mended(bench: Bench, spec: Path) -> None:
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    assert "nothing has drifted" in bench.run("repair", "move", "--list").said
    assert bench.on_target("shop", "select has_table_privilege('reader', 'public.names', 'select')") == [(True,)]
    bench.on_source("shop", "create or replace view public.names as select 1 as one, 2 as two")
    bench.on_source("shop", "select lo_from_bytea(77001, 'content')")
    bench.on_source("shop", "revoke select on public.names from reader")
    bench.on_source("shop", 'create role buyer; create role "Team"; grant "Team" to buyer')
    bench.on_source("shop", "alter table public.account add column colour text default 'red'")
    bench.on_source("shop", "update public.account set colour = 'blue' where id = 7")

    def listed() -> str:
        return bench.run("repair", "move", "--list").said

    eventually(lambda: "large object 77001 is new" in listed() and "view public.names changed" in listed())
    assert "OR REPLACE VIEW public.names" in listed()
    assert "revoke select on table public.names from reader;" in listed()
    eventually(lambda: "account where id = 7 is refused by the target" in bench.run("events", "move").said, 60)
    eventually(lambda: "; run: dtsrun repair move " in bench.run("events", "move").said, 60)
    shown = bench.run("show", "move").said
    assert "Drifted on the source" in shown and "column colour text was added" in " ".join(shown.split())
    assert "WAL held back" in shown and "where id = 7 is refused by the target" in " ".join(shown.split())
    asked = bench.run("repair", "move")
    assert asked.code == 0, asked.said
    assert "large object 77001 is mended" in asked.said
    assert "nothing has drifted" in listed()
    assert bench.on_target("shop", "select two from public.names") == [(2,)]
    assert bench.on_target("shop", "select has_table_privilege('reader', 'public.names', 'select')") == [(False,)]
    assert bench.on_target("shop", "select pg_has_role('buyer', 'Team', 'member')") == [(True,)]
    assert bench.on_target("shop", "select convert_from(lo_get(77001), 'UTF8')") == [("content",)]
    done = bench.run("complete", "move")
    assert done.code == 0, done.said
    assert running.end().code == 0


def test_a_row_that_the_target_refuses_is_named(bench: Bench, spec: Path) -> None:
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    bench.on_target("shop", "alter table public.account add constraint small check (balance < 1000000) not valid")
    bench.on_source("shop", "update public.account set balance = 5000000 where id = 1")
    eventually(lambda: "update of public.account where id = 1 is refused" in bench.run("events", "move").said, 60)
    bench.on_target("shop", "alter table public.account drop constraint small")
    eventually(lambda: "changes are applied again" in bench.run("events", "move").said, 60)
    assert bench.run("stop", "move", "--yes").code == 0
    running.end()
