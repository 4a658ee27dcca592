"""The target can make an empty database."""

import pytest

from dtsrun.api import Severity
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.target_templates import TargetTemplates


class TestTargetTemplates(PrecheckContract):
    plugin = TargetTemplates


@pytest.fixture
def altered(lean_route):
    """A session on a target whose template0 is put right after the test."""
    with connect(lean_route) as connection:
        yield connection
        connection.execute("alter database template0 allow_connections false")


def test_a_target_as_initdb_makes_it_passes(found, source_route, target_route):
    assert found(TargetTemplates, source_route, target_route) == []


def test_a_template_that_is_gone_fails(found, source_route, lean_route, altered):
    altered.execute("alter database template0 rename to gone")
    (finding,) = found(TargetTemplates, source_route, lean_route)
    altered.execute("alter database gone rename to template0")
    assert finding.message == "the target has no template0"
    assert finding.severity is None


def test_a_template_that_is_open_is_an_alarm_and_the_fix_closes_it(found, source_route, lean_route, altered):
    altered.execute("alter database template0 allow_connections true")
    (finding,) = found(TargetTemplates, source_route, lean_route)
    assert finding.severity is Severity.ALARM
    altered.execute(finding.fix.sql[0])
    assert found(TargetTemplates, source_route, lean_route) == []
