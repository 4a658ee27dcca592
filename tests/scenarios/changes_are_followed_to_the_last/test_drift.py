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


def test_what_nobody_can_repair_is_left_as_it_is_or_put_back(bench: Bench, spec: Path) -> None:
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    bench.on_source(None, sql.SQL("create database aside"))
    bench.on_target(None, sql.SQL("alter system set wal_receiver_timeout = '77s'"))
    bench.on_target(None, "select pg_reload_conf()")

    def listed() -> str:
        return bench.run("repair", "move", "--list").said

    eventually(lambda: "database aside" in listed() and "wal_receiver_timeout of the target is 77s" in listed())
    refused = bench.run("repair", "move", "--accept")
    assert (refused.code, "--accept says of each drift by its number" in refused.said) == (2, True)
    shut = bench.run("complete", "move")
    assert shut.code == 5
    [number] = [line.split()[0] for line in listed().splitlines() if "database aside" in line]
    # The very command that the refusal names.
    assert f"dtsrun repair move {number} --accept" in shut.said
    accepted = bench.run("repair", "move", number, "--accept")
    assert (accepted.code, "database aside is left as it is" in accepted.said) == (0, True), accepted.said
    bench.on_target(None, sql.SQL("alter system reset wal_receiver_timeout"))
    bench.on_target(None, "select pg_reload_conf()")
    eventually(lambda: "nothing has drifted" in listed())
    assert "wal_receiver_timeout of the target is what it was" in bench.run("events", "move").said
    done = bench.run("complete", "move")
    assert done.code == 0, done.said
    assert running.end().code == 0
    shown = " ".join(bench.run("show", "move").said.split())
    assert "database aside: left as it is" in shown
    assert "passed gate.sequences" in shown  # of the databases that are moved
