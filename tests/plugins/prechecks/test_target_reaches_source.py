"""The way between the servers is tried before anything is copied over it."""

from dataclasses import replace

import pytest

from dtsrun.api import MigrationType, SkipCheck
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.target_reaches_source import TargetReachesSource


class TestTargetReachesSource(PrecheckContract):
    plugin = TargetReachesSource


def found(source, target, engine="subscription"):
    spec = make_spec({}, migration_type=MigrationType.FULL_INCREMENTAL, stages={"incremental": {"engine": engine}})
    with FakeCheckContext(source=source, target=target, spec=spec, databases={}) as context:
        return list(TargetReachesSource().check(context))


def test_a_way_that_works_passes_and_leaves_nothing(source_route, target_route):
    assert found(source_route, target_route) == []
    with connect(target_route) as target:
        assert target.execute("select from pg_subscription").fetchall() == []


def test_a_wrong_port_is_found_with_the_servers_words(source_route, target_route):
    peer = {**source_route.peer, "port": "1"}
    (finding,) = found(replace(source_route, peer=peer), target_route)
    assert "refused" in finding.message
    assert "engine: stream" in finding.fix.text


def test_a_wrong_password_is_found_and_not_told(source_route, target_route):
    peer = {**source_route.peer, "password": "not-the-password"}
    (finding,) = found(replace(source_route, peer=peer), target_route)
    assert "authentication failed" in finding.message
    assert "not-the-password" not in str(finding)


def test_no_way_at_all_is_said_before_the_copy(source_route, target_route):
    (finding,) = found(replace(source_route, peer=None), target_route)
    assert finding.message == "the target's server has no way to the source's"


def test_where_dtsrun_carries_the_changes_no_way_is_needed(source_route, target_route):
    with pytest.raises(SkipCheck, match="engine stream makes no subscription"):
        found(replace(source_route, peer=None), target_route, engine="stream")
