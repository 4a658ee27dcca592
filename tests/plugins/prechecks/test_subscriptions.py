"""The source is not fed by subscriptions of its own."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.subscriptions import Subscriptions


class TestSubscriptions(PrecheckContract):
    plugin = Subscriptions


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute(
            "create subscription from_erp connection 'host=/nowhere dbname=x' publication p"
            " with (connect = false, slot_name = none)"
        )
        yield name
        connection.execute("alter subscription from_erp disable")
        connection.execute("alter subscription from_erp set (slot_name = none)")
        connection.execute("drop subscription from_erp")


def found(source, target, shop):
    with FakeCheckContext(source=source, target=target, databases=[shop]) as context:
        return list(Subscriptions().check(context))


def test_a_disabled_subscription_passes(source_route, target_route, shop):
    assert found(source_route, target_route, shop) == []


def test_an_enabled_one_is_named_and_the_fix_ends_it(source_route, target_route, shop):
    with connect(source_route, shop) as connection:
        connection.execute("alter subscription from_erp set (slot_name = 'erp')")
        connection.execute("alter subscription from_erp enable")
        (finding,) = found(source_route, target_route, shop)
        assert finding.subject == f"{shop}.from_erp"
        assert finding.observed == "enabled, of p"
        connection.execute(finding.fix.sql[0].encode())
    assert found(source_route, target_route, shop) == []


def test_subscriptions_of_other_databases_are_none_of_it(source_route, target_route, shop, fresh_database):
    with connect(source_route, shop) as connection:
        connection.execute("alter subscription from_erp set (slot_name = 'erp')")
        connection.execute("alter subscription from_erp enable")
    assert found(source_route, target_route, fresh_database(source_route)) == []
