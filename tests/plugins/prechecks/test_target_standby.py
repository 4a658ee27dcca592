"""The target is not a standby."""

from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.target_standby import TargetStandby


class TestTargetStandby(PrecheckContract):
    plugin = TargetStandby


def test_a_primary_passes(found, source_route, target_route):
    assert found(TargetStandby, source_route, target_route) == []


def test_a_standby_fails(found, source_route, standby_route):
    (finding,) = found(TargetStandby, source_route, standby_route)
    assert finding.message == "the target is a standby, which takes no writes"
    assert finding.fix.side == "target"
