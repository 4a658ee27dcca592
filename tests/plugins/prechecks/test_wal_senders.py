"""The source has a free WAL sender for each database."""

from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.wal_senders import WalSenders


class TestWalSenders(PrecheckContract):
    plugin = WalSenders


def test_enough_free_senders_pass(found, source_route, target_route, fresh_database):
    assert found(WalSenders, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_too_few_senders_fail(found, lean_route, target_route, fresh_database):
    (finding,) = found(WalSenders, lean_route, target_route, databases=[fresh_database(lean_route)])
    assert finding.message == "the source has 1 free WAL senders, and 2 are needed"
    assert finding.fix.takes_effect == "restart"
