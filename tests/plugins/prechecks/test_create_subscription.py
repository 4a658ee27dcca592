"""The target account may create subscriptions."""

from dtsrun.api import ServerFacts
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.create_subscription import CreateSubscription


class TestCreateSubscription(PrecheckContract):
    plugin = CreateSubscription


def test_a_superuser_passes(found, source_route, target_route):
    assert found(CreateSubscription, source_route, target_route) == []


def test_an_account_without_the_right_fails_and_the_fix_mends_it(found, source_route, target_route, route_of):
    account = route_of(target_route)
    (finding,) = found(CreateSubscription, source_route, account)
    assert finding.fix.side == "target"
    with connect(target_route) as connection:
        connection.execute(finding.fix.sql[0])
    assert found(CreateSubscription, source_route, account) == []


def test_before_version_16_it_takes_a_superuser(found, source_route, target_route, route_of):
    account = route_of(target_route)
    facts = ServerFacts(version=150000, version_text="", current_user="m", is_superuser=False, bootstrap_role="p")
    (finding,) = found(CreateSubscription, source_route, account, facts={"target": facts})
    assert finding.expected == "superuser"
