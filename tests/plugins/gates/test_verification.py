"""Both ends were compared, or will be."""

import pytest

from dtsrun.api import Severity
from dtsrun.testing.contracts import GateContract
from dtsrun_plugins.gates.verification import Verification


class TestVerification(GateContract):
    plugin = Verification


@pytest.mark.parametrize(("differences", "will_verify"), [(None, True), (3, True), (0, False)])
def test_what_will_be_compared_or_was_equal_passes(shop, differences, will_verify):
    assert shop.found(Verification, differences=differences, will_verify=will_verify) == []


def test_known_differences_keep_it_shut(shop):
    (finding,) = shop.found(Verification, differences=3, will_verify=False)
    assert (finding.message, finding.severity) == ("the last verification found 3 differences", None)


def test_never_compared_is_an_alarm(shop):
    (finding,) = shop.found(Verification, will_verify=False)
    assert finding.severity is Severity.ALARM
