"""What was committed before the fence arrives; what was committed beyond what the target has is found, exactly."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from dtsrun.api import LinkStatus
from dtsrun.completion.drain import drain, fence_position
from dtsrun.completion.proof import prove
from dtsrun.errors import Interrupted, MigrationError
from dtsrun.postgres.session import connect

QUIET = {"timeout": 20, "progress": lambda said: None}


def drained(followed):
    return drain(followed.statuses, fence_position(followed.source), **QUIET)


def test_what_was_committed_before_the_position_is_on_the_target_after_the_drain(followed):
    followed.source.execute("insert into public.orders select n, repeat('x', 300) from generate_series(1, 20000) n")
    followed.start()
    result = drained(followed)
    assert result.is_complete
    assert followed.target.execute("select count(*) as n from public.orders").fetchone().n == 20000


@pytest.mark.parametrize("commit", ["on", "off"])
def test_an_idle_source_is_drained_again_and_again(followed, commit):
    """Wherever the log ends, also in the head of a page, and whether the last commit has reached the disk or not."""
    followed.start()
    for number in range(40):
        followed.source.execute(f"set synchronous_commit = {commit}".encode())
        # Records of many lengths, so that the log ends anywhere in its pages.
        followed.source.execute("insert into public.aside values (%s)", [number])
        followed.source.execute("select pg_logical_emit_message(false, 'test', repeat('x', %s))", [number * 211 % 8192])
        result = drain(followed.statuses, fence_position(followed.source), timeout=5, progress=lambda said: None)
        assert result.is_complete, result.behind


def test_a_drain_that_takes_too_long_says_by_how_much(followed):
    followed.start()
    followed.target.execute("alter table public.orders add check (id < 0)")
    followed.source.execute("insert into public.orders values (1)")
    result = drain(followed.statuses, fence_position(followed.source), timeout=1.5, progress=lambda said: None)
    assert (result.is_complete, len(result.behind)) == (False, 1)
    assert followed.link.name in result.behind[0]
    assert "bytes before" in result.behind[0]


def test_a_failed_link_ends_the_drain_at_once():
    failed = LinkStatus(link="a", state="failed", applied=5, error="duplicate key", table="public.orders")
    result = drain(lambda: [failed], 7, timeout=60, progress=lambda said: None)
    assert result.behind == ("a is 2 bytes before 0/7 (failed, duplicate key at public.orders)",)
    assert result.seconds < 1


def test_the_user_may_break_the_drain_off():
    def stop(said: str) -> None:
        raise Interrupted("the task was stopped")

    with pytest.raises(Interrupted):
        drain(lambda: [LinkStatus(link="a", state="streaming", applied=5)], 7, timeout=60, progress=stop)


def proved(followed):
    """Stop the link after what it has applied, and prove it."""
    applied = followed.status().applied
    followed.stop()
    return prove(followed.source, followed.link, applied)


def test_after_a_drain_the_proof_holds(followed):
    followed.source.execute("insert into public.orders select n from generate_series(1, 1000) n")
    followed.start()
    assert drained(followed).is_complete
    proof = proved(followed)
    assert (proof.holds, proof.late) == (True, ())
    assert proof.seen_to >= proof.applied


def test_writers_beside_the_followed_tables_do_not_matter(followed):
    followed.start()
    assert drained(followed).is_complete
    followed.source.execute("insert into public.aside values (1); create table public.new (id int); analyze")
    assert proved(followed).holds


def test_late_writers_are_found_with_their_tables_counts_and_times(followed):
    followed.source.execute("insert into public.orders values (1), (2)")
    followed.start()
    assert drained(followed).is_complete
    applied = followed.status().applied
    followed.stop()
    before = followed.source.execute("select clock_timestamp() as now").fetchone().now
    followed.source.execute("insert into public.orders values (3), (4)")
    followed.source.execute(
        "update public.orders set note = 'late' where id = 1; delete from public.orders where id = 2"
    )
    followed.source.execute("truncate public.items")
    followed.source.execute("begin; insert into public.items values (7); rollback")
    after = followed.source.execute("select clock_timestamp() as now").fetchone().now
    proof = prove(followed.source, followed.link, applied)
    found = {late.table: dict(late.counts) for late in proof.late}
    assert found == {
        "public.orders": {"inserts": 2, "updates": 1, "deletes": 1},
        "public.items": {"truncates": 1},
    }
    assert all(before <= late.first_at <= late.last_at <= after for late in proof.late)
    assert "public.orders: 2 inserts, 1 updates, 1 deletes" in proof.told


def test_what_is_late_arrives_when_the_link_goes_on_and_the_next_proof_holds(followed):
    followed.start()
    assert drained(followed).is_complete
    applied = followed.status().applied
    followed.stop()
    followed.source.execute("insert into public.orders values (3)")
    assert not prove(followed.source, followed.link, applied).holds
    followed.start()
    assert drained(followed).is_complete
    assert proved(followed).holds
    assert followed.target.execute("select id from public.orders").fetchall() == [(3,)]


def test_what_is_applied_but_not_yet_confirmed_is_not_late(followed):
    """The slot stands before transactions that the target has, as after a crash before its last word arrived."""
    followed.source.execute("insert into public.orders select n from generate_series(1, 30000) n")
    applied = fence_position(followed.source)
    assert prove(followed.source, followed.link, applied).holds
    followed.source.execute("insert into public.items values (1)")
    # The first look ends at the end of the first, large transaction: the second one has to be found all the same.
    proof = prove(followed.source, followed.link, applied)
    assert [(late.table, dict(late.counts)) for late in proof.late] == [("public.items", {"inserts": 1})]
    # Where the first look finds something, that is enough.
    assert prove(followed.source, followed.link, followed.link.start_lsn).late[0].table == "public.orders"


def test_the_last_of_concurrent_commits_is_found(followed):
    """A transaction that began long before the drain and commits after it: its changes lie before the position."""
    followed.start()
    with connect(followed.context.route("source"), followed.database, autocommit=False) as slow:
        slow.execute("insert into public.orders values (1)")
        followed.source.execute("insert into public.items values (1)")
        assert drained(followed).is_complete
        applied = followed.status().applied
        followed.stop()
        assert prove(followed.source, followed.link, applied).holds
        slow.commit()
    (late,) = prove(followed.source, followed.link, applied).late
    assert (late.table, dict(late.counts)) == ("public.orders", {"inserts": 1})


def test_a_slot_in_use_or_gone_is_an_error(followed, until: Callable[..., None]):
    followed.start()
    until(lambda: followed.status().state == "streaming")
    with pytest.raises(MigrationError, match="cannot be read for the proof"):
        prove(followed.source, followed.link, 0)
    with pytest.raises(MigrationError, match="cannot be read for the proof"):
        prove(followed.source, replace(followed.link, name="gone"), 0)


def test_writers_that_never_stop_are_always_found(followed):
    followed.start()
    stop = threading.Event()
    written: list[int] = []

    def write() -> None:
        with psycopg.connect(followed.context.route("source").conninfo(followed.database), autocommit=True) as other:
            while not stop.is_set():
                other.execute("insert into public.orders values (%s)", [len(written) + 1])
                written.append(len(written) + 1)

    def wait_for_more() -> None:
        count = len(written)
        while len(written) < count + 2:
            time.sleep(0.01)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            wait_for_more()
            assert drained(followed).is_complete
            applied = followed.status().applied
            followed.stop()
            wait_for_more()  # on a busy machine a writer may rest for a while
            assert not prove(followed.source, followed.link, applied).holds
            followed.start()
    finally:
        stop.set()
        writer.join()
    assert drained(followed).is_complete
    assert proved(followed).holds


@pytest.mark.matrix
@pytest.mark.parametrize("version", [10, 11, 12, 13, 14, 15, 17, 18])
def test_sources_of_all_versions(follow, postgres_server, target_route, version):
    followed = follow(postgres_server(version), target_route)
    followed.start()
    followed.source.execute("insert into public.orders values (1)")
    assert drained(followed).is_complete
    applied = followed.status().applied
    followed.stop()
    assert prove(followed.source, followed.link, applied).holds
    followed.source.execute("update public.orders set note = 'late'")
    (late,) = prove(followed.source, followed.link, applied).late
    assert (late.table, dict(late.counts)) == ("public.orders", {"updates": 1})
