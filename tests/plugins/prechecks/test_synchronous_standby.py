"""Commits on the target have a standby to wait for."""

import pytest

from dtsrun.api import Undetermined
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.synchronous_standby import SynchronousStandby


class TestSynchronousStandby(PrecheckContract):
    plugin = SynchronousStandby


def test_a_target_that_waits_for_nobody_passes(found, source_route, target_route):
    assert found(SynchronousStandby, source_route, target_route) == []


def test_a_standby_that_is_gone_fails(found, source_route, lean_route):
    (finding,) = found(SynchronousStandby, source_route, lean_route)
    assert finding.message == 'the target waits for the synchronous standby "gone", and none is connected'
    assert finding.fix.takes_effect == "reload"


def test_an_account_that_does_not_see_standbys_cannot_know(found, source_route, lean_route, route_of):
    account = route_of(lean_route)
    with pytest.raises(Undetermined):
        found(SynchronousStandby, source_route, account)
