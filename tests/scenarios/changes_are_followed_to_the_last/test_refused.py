"""A change that the target refuses is retried, keeps its table out, or ends the task: as the spec says."""

from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, Running, eventually, is_message
from writers import SEED

# By hand on the target: the source's next visit has the same key.
IN_THE_WAY = "insert into public.visit values (1, 'by hand')"
VISIT = "insert into public.visit values (1, 'of the application')"


@pytest.fixture(params=["subscription", "stream"])
def engine(request: pytest.FixtureRequest) -> str:
    """What carries the changes."""
    return str(request.param)


def syncing(bench: Bench, engine: str, policy: str) -> tuple[Path, Running]:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    bench.on_source("shop", "create table public.visit (id int primary key, what text)")
    stages = {"incremental": {"engine": engine, "on_apply_error": policy}}
    spec = bench.spec(
        source=bench.endpoint(bench.source),
        target=bench.endpoint(bench.target),
        migration={"type": "full_incremental", "stages": stages},
    )
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    bench.on_target("shop", IN_THE_WAY)
    bench.on_source("shop", VISIT)
    return spec, running


def arrived(bench: Bench, running: Running) -> None:
    asked = bench.run("complete", "move")
    assert asked.code == 0, asked.said
    assert running.end().code == 0
    bench.on_source("shop", "refresh materialized view public.total")
    assert bench.differences() == []
    assert bench.leftovers() == {}


def test_quarantine_keeps_one_table_out_until_it_is_repaired(bench: Bench, engine: str) -> None:
    _, running = syncing(bench, engine, "quarantine")
    eventually(lambda: "public.visit is not followed any more" in bench.run("repair", "move", "--list").said, 60)
    listed = bench.run("repair", "move", "--list").said
    assert "id = 1" in listed or "(id)=(1)" in listed
    assert "dtsrun repair move" in listed
    # All others are followed on, and what comes to this one is not.
    bench.on_source("shop", "update public.account set note = 'after it' where id = 1")
    bench.on_source("shop", "insert into public.visit values (2, 'more')")
    eventually(lambda: bench.on_target("shop", "select note from public.account where id = 1") == [("after it",)])
    assert bench.on_target("shop", "select what from public.visit") == [("by hand",)]
    shut = bench.run("complete", "move")
    assert shut.code == 5, shut.said
    assert "public.visit" in shut.said
    mended = bench.run("repair", "move")
    assert mended.code == 0, mended.said
    assert "table public.visit was copied and is followed" in mended.said
    bench.on_source("shop", "insert into public.visit values (3, 'and more')")
    arrived(bench, running)


@pytest.mark.matrix
def test_stop_ends_the_task_and_it_goes_on_when_that_is_mended(bench: Bench, engine: str) -> None:
    spec, running = syncing(bench, engine, "stop")
    done = running.end()
    assert done.code == 5, done.said
    assert "the target refuses a change" in done.said
    assert "public.visit" in done.said
    assert "id = 1" in done.said or "(id)=(1)" in done.said
    assert bench.task().state == "failed"
    bench.on_target("shop", "delete from public.visit")
    again = bench.start(spec, "--yes")
    assert again.wait_for(is_message("syncing")), again.end().said
    arrived(bench, again)
