"""WAL that slots hold back is told against its limit, and a lost slot names the tables that it carried."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from replicated import MakeReplicated, Replicated, wait_until

from dtsrun.api import Route
from dtsrun.errors import AccessError
from dtsrun.postgres.server import PrivateServer
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import THROWAWAY
from dtsrun.watch.continuity import SlotState, read_states, why_broken
from dtsrun.watch.slots import Level, lost_links, read_slots, retained_wal

MB = 1024**2


def row(retained: int, *, most: int | None = None, wal_status: str | None = "extended", safe: int | None = None):
    return {
        "s": SimpleNamespace(
            name="s", retained=retained, most=most, wal_status=wal_status, safe_bytes=safe, reason=None, restart="0/1"
        )
    }


@pytest.mark.parametrize(
    ("slots", "level", "words"),
    [
        (row(400 * MB, most=1000 * MB), Level.QUIET, "400 MB of WAL on the source, of 1000 MB"),
        (row(500 * MB, most=1000 * MB), Level.WARNING, "500 MB"),
        (row(900 * MB, most=1000 * MB), Level.ALARM, "alter system set max_slot_wal_keep_size = '2000MB'"),
        (row(1100 * MB, most=1000 * MB, wal_status="unreserved"), Level.ALARM, "next checkpoint"),
        (row(15 * 1024 * MB), Level.QUIET, "15.0 GB"),
        (row(17 * 1024 * MB), Level.WARNING, "nothing limits it but the disk"),
    ],
)
def test_the_level_follows_the_limit(slots, level: Level, words: str) -> None:
    [found] = retained_wal(slots)
    assert found.level is level
    assert words in found.message


def test_the_room_that_the_user_knows_of_counts_where_it_is_less() -> None:
    [found] = retained_wal(row(900 * MB, most=10_000 * MB), room=1000 * MB)
    assert (found.level, found.limit) == (Level.ALARM, 1000 * MB)


def test_a_dropped_slot_names_its_tables(pair: Replicated) -> None:
    pair.on_both("create table orders (id int primary key)", "create table lines (id int primary key)")
    link = pair.slot("orders", "lines")
    assert lost_links([link], read_slots(pair.source, [link.name])) == []
    pair.source.execute("select pg_drop_replication_slot(%s)", [link.name])
    [lost] = lost_links([link], read_slots(pair.source, [link.name]))
    assert [table.qualified for table in lost.tables] == ["public.orders", "public.lines"]
    assert "dropped" in lost.reason


@pytest.fixture
def small_source(request: pytest.FixtureRequest) -> Iterator[Route]:
    """A server that lets slots keep one segment of WAL."""
    folder = Path(tempfile.mkdtemp(prefix="dtsrun-test-"))
    limits = {"max_slot_wal_keep_size": "16MB", "min_wal_size": "32MB", "max_wal_size": "1GB", "wal_keep_size": "0"}
    try:
        server = PrivateServer(folder, request.param, settings={**THROWAWAY, **limits})
    except AccessError as error:
        folder.rmdir()
        pytest.skip(error.message)
    try:
        server.start()
        yield server.route
    finally:
        server.destroy()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize(
    "small_source", [16, *(pytest.param(v, marks=pytest.mark.matrix) for v in (13, 14, 15, 17, 18))], indirect=True
)
def test_a_slot_that_the_source_gave_up_is_lost(small_source: Route) -> None:
    with connect(small_source) as source:
        source.execute("select pg_create_logical_replication_slot('dtsrun_small', 'pgoutput')")

        def state() -> object:
            return read_slots(source, ["dtsrun_small"])["dtsrun_small"]

        [quiet] = retained_wal({"s": state()})
        assert (quiet.level, quiet.limit) == (Level.QUIET, 16 * MB)
        for _ in range(4):
            source.execute("select pg_logical_emit_message(false, 'x', repeat('x', 9000000))")
            source.execute("select pg_switch_wal()")
        [alarm] = retained_wal({"s": state()})
        assert alarm.level is Level.ALARM
        source.execute("checkpoint")
        source.execute("checkpoint")
        assert retained_wal({"s": state()}) == []
        link = SimpleNamespace(name="dtsrun_small", database="postgres", tables=())
        [lost] = lost_links([link], {"dtsrun_small": state()})
        assert "gave the slot up (wal removed)" in lost.reason


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_tells(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    pair = make_replicated(postgres_server(version), postgres_server(version))
    pair.on_both("create table orders (id int primary key)")
    link = pair.slot("orders")
    pair.source.execute("insert into orders select generate_series(1, 10000)")
    wait_until(lambda: retained_wal(read_slots(pair.source, [link.name]))[0].bytes > 100_000)
    assert lost_links([link], read_slots(pair.source, [link.name])) == []


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_a_slot_that_was_made_anew_is_told_from_the_one_before(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    pair = make_replicated(postgres_server(version), postgres_server(version))
    pair.on_both("create table orders (id int primary key)")
    link = pair.slot("orders")

    def state() -> SlotState:
        return read_states(pair.source, [link.name])[link.name]

    made = state()
    assert (made.confirmed, made.is_active) == (link.start_lsn, False)
    for number in range(5):
        pair.source.execute("insert into orders values (%s)", [number])
    read = "select count(*) from pg_logical_slot_get_binary_changes(%s, null, null, 'proto_version', '1', {})"
    pair.source.execute(read.format("'publication_names', %s"), [link.name, link.name])
    if version >= 14:
        wait_until(lambda: (state().transactions or 0) >= 5)
    known = state()
    # Who knows of what was read finds it as it was; to who read nothing of it, it was moved on.
    assert why_broken(state(), known, known.confirmed) is None
    assert "moved on by somebody else" in (why_broken(state(), known, made.confirmed) or "")
    pair.source.execute("select pg_drop_replication_slot(%s)", [link.name])
    pair.source.execute("insert into orders values (5)")
    pair.source.execute("select pg_create_logical_replication_slot(%s, 'pgoutput')", [link.name])
    assert "made anew" in (why_broken(state(), known, known.confirmed) or "")
    if version >= 14:
        wait_until(lambda: "dropped on the source and made anew" in (why_broken(state(), known, None) or ""))
