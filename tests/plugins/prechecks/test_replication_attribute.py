"""The source account may replicate."""

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.replication_attribute import ReplicationAttribute


class TestReplicationAttribute(PrecheckContract):
    plugin = ReplicationAttribute


def test_a_superuser_passes(found, source_route, target_route):
    assert found(ReplicationAttribute, source_route, target_route) == []


def test_an_account_without_it_fails_and_the_fix_mends_it(found, source_route, target_route, route_of):
    account = route_of(source_route)
    (finding,) = found(ReplicationAttribute, account, target_route)
    assert finding.subject == f"role {account.parameters['user']}"
    with connect(source_route) as connection:
        connection.execute(finding.fix.sql[0])
    assert found(ReplicationAttribute, account, target_route) == []


def test_a_member_of_the_role_of_a_service_passes(found, source_route, target_route, route_of, fresh_role):
    fresh_role(source_route, name="rds_replication")
    account = route_of(source_route, "in role rds_replication")
    assert found(ReplicationAttribute, account, target_route) == []
