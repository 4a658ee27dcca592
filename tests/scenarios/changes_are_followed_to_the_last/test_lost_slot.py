"""A slot that is lost costs a copy of its tables, and no row."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql
from runs import Bench, eventually, is_message
from writers import SEED, Application, hands_over

from dtsrun.postgres.session import connect

DROP = "select pg_drop_replication_slot(slot_name) from pg_replication_slots"

END_READER = """
do $$
declare reader int := (select active_pid from pg_replication_slots);
begin
    perform pg_terminate_backend(reader);
    while exists (select from pg_stat_activity where pid = reader) loop
        perform pg_sleep(0.001);
        perform pg_stat_clear_snapshot();  -- else this transaction sees what it saw first
    end loop;
end $$
"""


def lose_slot(bench: Bench) -> None:
    """Drop the slot of the task, against the subscription that comes back to it."""

    def dropped() -> bool:
        bench.on_source(None, "select pg_terminate_backend(active_pid) from pg_replication_slots where active")
        try:
            bench.on_source(None, DROP)
        except psycopg.errors.ObjectInUse:
            return False
        return True

    eventually(dropped)


def make_slot_anew(bench: Bench) -> None:
    """Drop the slot of the task, let something be written, and make it anew under its name, all in a moment."""

    def made() -> bool:
        with connect(bench.source.route, "shop") as connection:
            [slot] = connection.execute("select slot_name::text as name from pg_replication_slots").fetchall()
            connection.execute(END_READER)  # it comes back at once, or in some seconds
            try:
                connection.execute(DROP)
            except psycopg.errors.ObjectInUse:
                return False
            connection.execute("insert into public.log select n, 'between' from generate_series(1, 50) n")
            connection.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", [slot.name])
        return True

    eventually(made)


@pytest.mark.parametrize(
    ("lose", "engine", "is_running"),
    [
        pytest.param(lose_slot, "subscription", True, id="dropped while it runs"),
        pytest.param(lose_slot, "subscription", False, id="dropped while it is paused"),
        pytest.param(make_slot_anew, "subscription", True, id="made anew while it runs"),
        pytest.param(make_slot_anew, "subscription", False, id="made anew while it is paused"),
        pytest.param(make_slot_anew, "stream", True, id="made anew while it runs, stream"),
        pytest.param(make_slot_anew, "stream", False, id="made anew while it is paused, stream"),
    ],
)
def test_its_tables_are_copied_anew_in_a_new_epoch(
    bench: Bench,
    application: Callable[..., Application],
    lose: Callable[[Bench], None],
    engine: str,
    is_running: bool,
) -> None:
    bench.on_source(None, sql.SQL("create database shop"))
    bench.on_source("shop", SEED)
    app = application(sessions=2)
    stages = {"incremental": {"engine": engine}, "complete": {"fence": "read_only"}}
    ends = {"source": bench.endpoint(bench.source), "target": bench.endpoint(bench.target)}
    spec = bench.spec(**ends, migration={"type": "full_incremental", "stages": stages})
    running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("syncing")), running.end().said
    if is_running:
        before = app.commits
        eventually(lambda: app.commits > before + 20)
        # A slot that was made anew is told by its counts, which the one before must have had time to gather.
        assert running.wait_for(lambda event: event["event"] == "progress", count=3), running.end().said
        lose(bench)
    else:
        assert bench.run("pause", "move").code == 0
        running.end()
        lose(bench)
        running = bench.start(spec, "--yes")
    assert running.wait_for(is_message("copied anew")), running.end().said
    assert running.wait_for(is_message("syncing")), running.end().said
    before = app.commits
    eventually(lambda: app.commits > before + 100)
    hands_over(bench, running, app)
    with bench.journal() as journal:
        told = {deviation.message for deviation in journal.deviations("move")}
    assert any("its slot was lost" in message for message in told)
