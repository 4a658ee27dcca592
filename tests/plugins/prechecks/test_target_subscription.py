"""No subscription writes into the databases of the target."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.target_subscription import TargetSubscription


class TestTargetSubscription(PrecheckContract):
    plugin = TargetSubscription


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(TargetSubscription().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def shop(source_route, target_route, fresh_database):
    name = fresh_database(source_route)
    fresh_database(target_route, name=name)
    run(
        target_route,
        "create subscription idle connection 'dbname=nowhere' publication p with (connect = false)",
        name,
    )
    yield name
    run(target_route, "alter subscription idle disable; alter subscription idle set (slot_name = none)", name)
    run(target_route, "drop subscription idle", name)


def test_a_disabled_one_does_not_matter(source_route, target_route, shop):
    assert found(source_route, target_route, databases=[shop]) == []


def test_an_enabled_one_is_an_alarm_and_the_fix_disables_it(source_route, target_route, shop):
    run(target_route, "alter subscription idle enable", shop)
    (finding,) = found(source_route, target_route, databases=[shop])
    assert finding.message == f"subscription idle writes into database {shop} of the target"
    run(target_route, finding.fix.sql[0].encode(), shop)
    assert found(source_route, target_route, databases=[shop]) == []
