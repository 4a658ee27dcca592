"""The target is at least as new as the source."""

import pytest

from dtsrun.api import ServerFacts, Severity
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.version import Version


class TestVersion(PrecheckContract):
    plugin = Version


def facts(version):
    return ServerFacts(
        version=version, version_text=f"PostgreSQL {version}", current_user="m", is_superuser=False, bootstrap_role="p"
    )


def findings(source, target, differing="silent"):
    context = FakeCheckContext(
        facts={"source": facts(source), "target": facts(target)}, options={"differing": differing}
    )
    return list(Version().check(context))


@pytest.mark.parametrize(("source", "target"), [(100023, 180004), (160014, 160001), (150018, 180004)])
def test_up_or_level_passes(source, target):
    assert findings(source, target) == []


def test_real_servers_pass(source_route, target_route):
    with FakeCheckContext(source=source_route, target=target_route, options={"differing": "silent"}) as context:
        assert list(Version().check(context)) == []


def test_a_downgrade_is_an_alarm_that_names_both_releases_and_what_came_between():
    (found,) = findings(160014, 140018)
    assert found.severity is Severity.ALARM
    assert "14.18" in found.message
    assert "16.14" in found.message
    assert "with 15 UNIQUE NULLS NOT DISTINCT" in found.message
    assert "with 16 collations with ICU rules" in found.message
    assert "multiranges" not in found.message


def test_an_upgrade_is_an_alarm_where_the_policy_wants_it():
    (found,) = findings(160014, 180004, "alarm")
    assert found.severity is Severity.ALARM


def test_versions_that_are_too_old_fail_and_too_new_ones_alarm():
    assert [f.severity for f in findings(90600, 180004)] == [Severity.FAIL]
    assert [f.severity for f in findings(180004, 190000)] == [Severity.ALARM]
