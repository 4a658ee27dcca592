"""The source gets its WAL archived."""

import time

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.wal_archiving import WalArchiving


class TestWalArchiving(PrecheckContract):
    plugin = WalArchiving


def test_a_source_without_an_archive_passes(found, source_route, target_route):
    assert found(WalArchiving, source_route, target_route) == []


def test_an_archive_that_refuses_is_an_alarm(found, lean_route, target_route):
    with connect(lean_route) as connection:
        connection.execute("select pg_catalog.pg_switch_wal()")
        wait_for_failure(connection)
    (finding,) = found(WalArchiving, lean_route, target_route)
    assert finding.message.startswith("the source cannot archive 0000000")
    assert finding.evidence["attempts"] >= 1


def wait_for_failure(connection):
    for _ in range(200):
        if connection.execute("select failed_count as n from pg_catalog.pg_stat_archiver").fetchone().n:
            return
        time.sleep(0.05)
    raise AssertionError("nothing was archived")
