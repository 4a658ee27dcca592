"""Work on both ends runs at once, stops at once, and leaves the sessions as they were."""

from __future__ import annotations

import time
from threading import Barrier
from types import SimpleNamespace

import psycopg
import pytest

from dtsrun.compare.ends import on_both, reading
from dtsrun.errors import Interrupted


def context_of(pair, progress=lambda: None):
    return SimpleNamespace(source=lambda: pair.read_source, target=lambda: pair.read_target, progress=progress)


def work(statement):
    return lambda connection: connection.execute(statement).fetchone()[0]


def test_both_ends_work_at_once(pair):
    meeting = Barrier(2)

    def meet(connection):
        meeting.wait(timeout=30)
        return connection.info.server_version // 10000

    assert on_both(context_of(pair), meet, pair.read_source, pair.read_target) == (16, 18)


def test_a_failure_of_one_end_cancels_the_other(pair):
    begun = time.monotonic()
    statement = "select pg_sleep(case when current_setting('server_version_num')::int < 170000 then 60 else 1 / 0 end)"

    with pytest.raises(psycopg.errors.DivisionByZero):
        on_both(context_of(pair), work(statement), pair.read_source, pair.read_target)

    assert time.monotonic() - begun < 30


def test_the_users_stop_cancels_both(pair):
    def stop():
        raise Interrupted("stopped")

    begun = time.monotonic()
    with pytest.raises(Interrupted):
        on_both(context_of(pair, stop), work("select pg_sleep(60)"), pair.read_source, pair.read_target)

    assert time.monotonic() - begun < 30
    assert pair.read_source.execute("select 1 as one").fetchone().one == 1


def test_settings_of_a_reading_end_with_it(pair):
    before = pair.read_source.execute("show lc_monetary").fetchone()

    with pytest.raises(psycopg.errors.UndefinedTable), reading(pair.read_source, {"lc_monetary": "C"}):
        assert pair.read_source.execute("show lc_monetary").fetchone().lc_monetary == "C"
        pair.read_source.execute("select from nowhere")

    assert pair.read_source.execute("show lc_monetary").fetchone() == before
