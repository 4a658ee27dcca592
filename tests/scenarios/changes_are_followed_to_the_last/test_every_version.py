"""Sources of every version are followed to the last change."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, Running, eventually, is_message, server_of_version
from writers import SEED, WRITES, Application, hands_over

FIRST_WITH_KEYS_OF_PARTITIONED_TABLES = 11

# The lock comes first: one that grows could wait for the application in a circle.
ALTERED = """
lock table public.account in access exclusive mode;
create table public.visit (id int primary key, account int references public.account);
insert into public.visit select n, 1 + n % 200 from generate_series(1, 2000) n;
alter table public.account add column seen timestamptz not null default clock_timestamp();
"""
ALTERED_WRITES = [
    "insert into public.visit select max(id) + 1, %(n)s from public.visit",
    "delete from public.visit where id = 10 * %(n)s",
    "update public.account set seen = clock_timestamp(), balance = balance + 1 where id = %(n)s",
]


def pair(stack: ExitStack, source: int, target: int, folder: Path) -> tuple[Bench, list[str]]:
    """Return two servers with a shop, as far as the source's version can have it, and what its application writes."""
    seed, writes = SEED, WRITES
    if source < FIRST_WITH_KEYS_OF_PARTITIONED_TABLES:
        seed = "".join(line for line in seed.splitlines(keepends=True) if "public.day" not in line)
        writes = [write for write in writes if "public.day" not in write]
    bench = Bench(
        stack.enter_context(server_of_version(source)), stack.enter_context(server_of_version(target)), folder
    )
    stack.callback(bench.close)
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", seed)
    return bench, writes


def start(bench: Bench) -> Running:
    """Start a task that follows changes, and wait until it does."""
    stages = {"complete": {"fence": "read_only"}}
    ends = {"source": bench.endpoint(bench.source), "target": bench.endpoint(bench.target)}
    migration = {"type": "full_incremental", "stages": stages}
    running = bench.start(bench.spec(**ends, migration=migration, settings={"retry": {"for": "5m"}}), "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    return running


def complete(bench: Bench, running: Running, *applications: Application) -> None:
    """Complete the task, and see that both ends are equal and nothing is left."""
    for app in applications:
        before = app.commits
        eventually(lambda app=app, before=before: app.commits > before + 100)
    hands_over(bench, running, *applications)


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("source", "target"),
    [*((source, 18) for source in range(10, 19)), (12, 14), (15, 16), (16, 13), (17, 15), (18, 16)],
)
def test_the_cutover_is_exact(source: int, target: int, tmp_path: Path) -> None:
    with ExitStack() as stack:
        bench, writes = pair(stack, source, target, tmp_path)
        app = Application(bench, "shop", 2, writes)
        stack.callback(app.stop)
        complete(bench, start(bench), app)


@pytest.mark.matrix
@pytest.mark.parametrize(("source", "target"), [(10, 10), (11, 13), (12, 14), (14, 15), (15, 17), (16, 16), (18, 18)])
def test_what_has_drifted_is_copied_anew_and_followed(source: int, target: int, tmp_path: Path) -> None:
    with ExitStack() as stack:
        bench, writes = pair(stack, source, target, tmp_path)
        app = Application(bench, "shop", 1, writes)
        stack.callback(app.stop)
        running = start(bench)
        bench.on_source("shop", ALTERED)
        more = Application(bench, "shop", 1, ALTERED_WRITES)
        stack.callback(more.stop)
        drifted = ("public.visit is new", "column seen")
        eventually(lambda: all(each in bench.run("repair", "move", "--list").said for each in drifted), 40)
        asked = bench.run("repair", "move")
        assert asked.code == 0, asked.said
        for table in ("visit", "account"):
            assert f"table public.{table} was copied and is followed" in asked.said
        complete(bench, running, app, more)
