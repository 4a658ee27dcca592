"""The source is a primary server, or a standby fit for the task."""

from dtsrun.api import MigrationType, ServerFacts, Severity
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import make_spec
from dtsrun_plugins.prechecks.source_standby import SourceStandby


class TestSourceStandby(PrecheckContract):
    plugin = SourceStandby


STREAM = make_spec({}, migration_type=MigrationType.FULL_INCREMENTAL)


def test_a_primary_passes(found, source_route, target_route):
    assert found(SourceStandby, source_route, target_route, spec=STREAM) == []


def test_a_standby_without_feedback_is_an_alarm_for_a_copy_too(found, standby_route, target_route):
    (finding,) = found(SourceStandby, standby_route, target_route)
    assert finding.severity is Severity.ALARM
    assert finding.fix.sql[0] == "ALTER SYSTEM SET hot_standby_feedback = on"


def facts(version, feedback):
    settings = {"hot_standby_feedback": feedback}
    return ServerFacts(
        version=version, version_text="", current_user="m", is_superuser=True, bootstrap_role="p", settings=settings
    )


def test_a_standby_with_feedback_passes(found, standby_route, target_route):
    assert found(SourceStandby, standby_route, target_route, spec=STREAM, facts={"source": facts(160000, "on")}) == []


def test_a_standby_before_version_16_fails_for_a_stream_only(found, standby_route, target_route):
    old = {"source": facts(150000, "on")}
    (finding,) = found(SourceStandby, standby_route, target_route, spec=STREAM, facts=old)
    assert finding.message == "the source is a standby of version 15, which cannot decode changes"
    assert found(SourceStandby, standby_route, target_route, facts=old) == []
