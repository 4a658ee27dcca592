"""While the application writes, `dtsrun verify` calls no row different that is not, and names the one that is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, is_message
from writers import SEED, Application


@pytest.fixture(params=["subscription", "stream"])
def spec(request: pytest.FixtureRequest, bench: Bench) -> Path:
    """A shop, and what moves it by each engine."""
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    bench.on_source("shop", "create table public.quiet (id int primary key, c text)")
    bench.on_source("shop", "insert into public.quiet select n, 'seed' from generate_series(1, 50) n")
    bench.on_source("shop", "insert into public.account values (999, 0, 'still', '{\"a\": 1}')")
    migration = {"type": "full_incremental", "stages": {"incremental": {"engine": request.param}}}
    return bench.spec(source=bench.endpoint(bench.source), target=bench.endpoint(bench.target), migration=migration)


def test_no_row_is_called_different_but_the_damaged_one(
    bench: Bench, application: Callable[..., Application], spec: Path
) -> None:
    app = application(sessions=2)
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    for _ in range(2):
        before = app.commits
        done = bench.run("verify", "move")
        assert done.code == 0, done.said
        assert app.commits > before
    assert "materialized views" in done.said
    # In a table that nobody writes to, and in one that the application writes to all the time.
    bench.on_target("shop", "set session_replication_role = replica; delete from public.quiet where id = 3")
    bench.on_target(
        "shop", "set session_replication_role = replica; update public.account set doc = null where id = 999"
    )
    found = bench.run("verify", "move")
    assert found.code == 7, found.said
    with bench.journal() as journal:
        named = {(each.object, each.key) for each in journal.differences("move.verify")}
    assert named == {("TABLE public.quiet", "(id)=(3)"), ("TABLE public.account", "(id)=(999)")}
    assert running.process.poll() is None
    # What is known to differ keeps the cutover from beginning, until it is mended and seen to be.
    app.stop()
    asked = bench.run("complete", "move")
    assert asked.code == 5, asked.said
    assert "gate.verification: the last verification found 2 differences" in asked.said
    bench.on_target("shop", "set session_replication_role = replica; insert into public.quiet values (3, 'seed')")
    bench.on_target(
        "shop", "set session_replication_role = replica; update public.account set doc = '{\"a\": 1}' where id = 999"
    )
    assert bench.run("verify", "move").code == 0
    assert bench.run("complete", "move").code == 0
    assert running.end().code == 0
