"""How many sessions are at work on the source."""

import threading
import time
from contextlib import contextmanager

import psycopg
import pytest

from dtsrun.api import Undetermined
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import ThrottleContract
from dtsrun.testing.fakes import FakeThrottleContext
from dtsrun_plugins.throttles.active_sessions import ActiveSessions

LOCK = 7361


class TestActiveSessions(ThrottleContract):
    plugin = ActiveSessions

    @pytest.fixture
    def throttle_context(self, source_route):
        return FakeThrottleContext(source_route, ActiveSessions, {"limit": 10})


@contextmanager
def at_work(route, application, count):
    """Sessions in the middle of a statement: each waits for a lock, which is at work too."""
    with connect(route) as holder:
        holder.execute("select pg_advisory_lock(%s)", [LOCK])
        opened = [
            psycopg.connect(route.conninfo(), application_name=application, autocommit=True) for _ in range(count)
        ]
        threads = [
            threading.Thread(target=each.execute, args=(f"select pg_advisory_lock_shared({LOCK})",)) for each in opened
        ]
        try:
            for thread in threads:
                thread.start()
            query = "select count(*) as n from pg_locks where locktype = 'advisory' and objid = %s and not granted"
            until = time.monotonic() + 10
            while holder.execute(query, [LOCK]).fetchone().n < count:
                assert time.monotonic() < until
                time.sleep(0.02)
            yield
        finally:
            holder.execute("select pg_advisory_unlock(%s)", [LOCK])
            for thread in threads:
                thread.join()
            for each in opened:
                each.close()


def test_sessions_at_work_are_counted_and_idle_ones_are_not(source_route, look):
    with psycopg.connect(source_route.conninfo(), autocommit=True), at_work(source_route, "billing", 3):
        signal = look(ActiveSessions, limit=2)
    assert (signal.reading, signal.limit, signal.told) == (3, 2, "3 active sessions, limit 2")


def test_our_own_and_ignored_ones_do_not_count(source_route, look):
    with at_work(source_route, "dtsrun move worker", 2):
        assert look(ActiveSessions, limit=1).reading == 0
    with at_work(source_route, "report 7", 1):
        assert look(ActiveSessions, limit=2, ignore=["report *"]).reading == 0
        assert look(ActiveSessions, limit=2).told == "1 active session, limit 2"


def test_who_cannot_see_others_does_not_know(unprivileged, monitor, look):
    with pytest.raises(Undetermined, match="watcher_without may not see .*: grant pg_monitor to watcher_without"):
        look(ActiveSessions, route=unprivileged, limit=2)
    assert look(ActiveSessions, route=monitor, limit=2).reading == 0
