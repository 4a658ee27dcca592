"""The source does not give up slots that pause."""

from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.idle_slot_timeout import IdleSlotTimeout


class TestIdleSlotTimeout(PrecheckContract):
    plugin = IdleSlotTimeout


def test_no_timeout_passes(found, target_route):
    assert found(IdleSlotTimeout, target_route, target_route) == []


def test_versions_without_it_pass(found, source_route, target_route):
    assert found(IdleSlotTimeout, source_route, target_route) == []


def test_a_timeout_is_an_alarm(found, lean_route, target_route):
    (finding,) = found(IdleSlotTimeout, lean_route, target_route)
    assert finding.message == "the source gives up slots that nobody reads for 3600 s"
