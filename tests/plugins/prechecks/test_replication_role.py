"""The target account may switch triggers off for its own session."""

from psycopg import sql

from dtsrun.api import ServerFacts
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.replication_role import ReplicationRole


class TestReplicationRole(PrecheckContract):
    plugin = ReplicationRole


def test_a_superuser_passes(found, source_route, target_route):
    assert found(ReplicationRole, source_route, target_route) == []


def test_an_account_without_the_right_is_an_alarm_and_the_fix_mends_it(found, source_route, target_route, route_of):
    account = route_of(target_route)
    (finding,) = found(ReplicationRole, source_route, account)
    with connect(target_route) as connection:
        connection.execute(finding.fix.sql[0])
        assert found(ReplicationRole, source_route, account) == []
        role = sql.Identifier(account.parameters["user"])
        connection.execute(sql.SQL("revoke set on parameter session_replication_role from {}").format(role))


def test_before_version_15_there_is_nothing_to_grant(found, source_route, target_route):
    facts = ServerFacts(version=140000, version_text="", current_user="m", is_superuser=False, bootstrap_role="p")
    (finding,) = found(ReplicationRole, source_route, target_route, facts={"target": facts})
    assert finding.fix.sql == ()
