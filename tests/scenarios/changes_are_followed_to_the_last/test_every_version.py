"""Sources of every version are followed to the last change."""

from contextlib import ExitStack
from pathlib import Path

import pytest
from psycopg import sql
from runs import Bench, eventually, is_message, server_of_version
from writers import SEED, WRITES, Application

FIRST_WITH_KEYS_OF_PARTITIONED_TABLES = 11


@pytest.mark.matrix
@pytest.mark.parametrize(
    ("source", "target"),
    [*((source, 18) for source in range(10, 19)), (12, 14), (15, 16), (16, 13), (17, 15), (18, 16)],
)
def test_the_cutover_is_exact(source: int, target: int, tmp_path: Path) -> None:
    seed, writes = SEED, WRITES
    if source < FIRST_WITH_KEYS_OF_PARTITIONED_TABLES:
        seed = "".join(line for line in seed.splitlines(keepends=True) if "public.day" not in line)
        writes = [write for write in writes if "public.day" not in write]
    with ExitStack() as stack:
        bench = Bench(
            stack.enter_context(server_of_version(source)), stack.enter_context(server_of_version(target)), tmp_path
        )
        stack.callback(bench.close)
        bench.on_source(None, sql.SQL("create database shop"))
        bench.on_source("shop", seed)
        app = Application(bench, "shop", 2, writes)
        stack.callback(app.stop)
        stages = {"complete": {"fence": "read_only"}}
        ends = {"source": bench.endpoint(bench.source), "target": bench.endpoint(bench.target)}
        running = bench.start(bench.spec(**ends, migration={"type": "full_incremental", "stages": stages}), "--yes")
        assert running.wait_for(is_message("syncing")), running.end().said
        before = app.commits
        eventually(lambda: app.commits > before + 100)
        asked = bench.run("complete", "move")
        assert asked.code == 0, asked.said
        done = running.end()
        assert done.code == 0, done.said
        app.stop()
        bench.on_source(None, sql.SQL("alter database shop reset default_transaction_read_only"))
        bench.on_source("shop", "refresh materialized view public.total")
        assert bench.differences() == []
        assert bench.leftovers() == {}
