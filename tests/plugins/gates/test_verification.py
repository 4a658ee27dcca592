"""Both ends were compared, or will be."""

from datetime import UTC, datetime, timedelta

import pytest

from dtsrun.api import Severity
from dtsrun.testing.contracts import GateContract
from dtsrun_plugins.gates.verification import Verification


class TestVerification(GateContract):
    plugin = Verification


@pytest.mark.parametrize(("differences", "will_verify"), [(None, True), (0, True), (0, False)])
def test_what_will_be_compared_or_was_equal_passes(shop, differences, will_verify):
    at = None if differences is None else datetime.now(UTC)
    assert shop.found(Verification, differences=differences, verified_at=at, will_verify=will_verify) == []


@pytest.mark.parametrize("will_verify", [True, False])
def test_known_differences_keep_it_shut(shop, will_verify):
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    (finding,) = shop.found(Verification, differences=3, verified_at=at, will_verify=will_verify)
    said = "the last verification found 3 differences (2026-01-02 03:04:05 UTC)"
    assert (finding.message, finding.severity) == (said, None)


@pytest.mark.parametrize(("fresh", "found"), [("2h", 1), ("4h", 0), (14000, 0), (3600, 1)])
def test_an_old_verification_is_an_alarm_where_none_will_be_made(shop, fresh, found):
    at = datetime.now(UTC) - timedelta(hours=3)
    given = {"differences": 0, "verified_at": at, "options": {"fresh": fresh}}
    assert [each.severity for each in shop.found(Verification, will_verify=False, **given)] == [Severity.ALARM] * found
    assert shop.found(Verification, will_verify=True, **given) == []


def test_never_compared_is_an_alarm(shop):
    (finding,) = shop.found(Verification, will_verify=False)
    assert finding.severity is Severity.ALARM
