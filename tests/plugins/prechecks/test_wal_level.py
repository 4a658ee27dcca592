"""The source writes what logical replication reads."""

from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.wal_level import WalLevel


class TestWalLevel(PrecheckContract):
    plugin = WalLevel


def test_logical_passes(found, source_route, target_route):
    assert found(WalLevel, source_route, target_route) == []


def test_a_lower_level_fails_and_takes_a_restart(found, lean_route, target_route):
    (finding,) = found(WalLevel, lean_route, target_route)
    assert finding.message == "wal_level of the source is replica"
    assert finding.fix.sql == ("ALTER SYSTEM SET wal_level = logical",)
    assert finding.fix.takes_effect == "restart"
