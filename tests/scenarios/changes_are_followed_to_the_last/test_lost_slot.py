"""A slot that is lost costs a copy of its tables, and no row."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql
from runs import Bench, eventually, is_message
from writers import SEED, Application


def lose_slot(bench: Bench) -> None:
    """Drop the slot of the task, against the subscription that comes back to it."""

    def dropped() -> bool:
        bench.on_source(None, "select pg_terminate_backend(active_pid) from pg_replication_slots where active")
        try:
            bench.on_source(None, "select pg_drop_replication_slot(slot_name) from pg_replication_slots")
        except psycopg.errors.ObjectInUse:
            return False
        return True

    eventually(dropped)


@pytest.mark.parametrize("is_running", [True, False], ids=["while it runs", "while it is paused"])
def test_its_tables_are_copied_anew_in_a_new_epoch(
    bench: Bench, application: Callable[..., Application], is_running: bool
) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    app = application(sessions=2)
    stages = {"complete": {"fence": "read_only"}}
    ends = {"source": bench.endpoint(bench.source), "target": bench.endpoint(bench.target)}
    spec = bench.spec(**ends, migration={"type": "full_incremental", "stages": stages})
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    if is_running:
        lose_slot(bench)
    else:
        assert bench.run("pause", "move").code == 0
        running.end()
        lose_slot(bench)
        running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("copied anew")), running.end().said
    assert running.wait_for(is_message("syncing")), running.end().said
    before = app.commits
    eventually(lambda: app.commits > before + 100)
    asked = bench.run("complete", "move")
    assert asked.code == 0, asked.said
    assert running.end().code == 0
    app.stop()
    with bench.journal() as journal:
        told = {deviation.message for deviation in journal.deviations("move")}
    assert any("its slot was lost" in message for message in told)
    bench.on_source(None, sql.SQL("alter database shop reset default_transaction_read_only"))
    bench.on_source("shop", "refresh materialized view public.total")
    assert bench.differences() == []
    assert bench.leftovers() == {}
