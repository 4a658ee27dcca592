"""No limit of a role or a database stands in the way of the task."""

import pytest
from psycopg import sql

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.connection_limit import ConnectionLimit


class TestConnectionLimit(PrecheckContract):
    plugin = ConnectionLimit


@pytest.fixture
def shop(source_route, fresh_database):
    return fresh_database(source_route)


def test_no_limit_passes(found, source_route, target_route, route_of, shop):
    assert found(ConnectionLimit, route_of(source_route), route_of(target_route), databases=[shop]) == []


def test_limits_of_account_and_database_fail_and_the_fixes_mend_them(found, source_route, target_route, route_of, shop):
    account = route_of(source_route, "connection limit 2")
    with connect(source_route) as connection:
        connection.execute(sql.SQL("alter database {} connection limit 3").format(sql.Identifier(shop)))
        findings = found(ConnectionLimit, account, target_route, databases=[shop])
        for finding in findings:
            connection.execute(finding.fix.sql[0])
    assert [f.subject for f in findings] == [f"role {account.parameters['user']}", f"database {shop}"]
    assert found(ConnectionLimit, account, target_route, databases=[shop]) == []


def test_a_limit_on_the_target_is_told_of_the_target(found, source_route, target_route, route_of, shop):
    (finding,) = found(ConnectionLimit, source_route, route_of(target_route, "connection limit 1"), databases=[shop])
    assert "allows 1 connections to the target" in finding.message


def test_superusers_have_no_limit(found, source_route, target_route, route_of, shop):
    account = route_of(source_route, "superuser connection limit 2")
    assert found(ConnectionLimit, account, target_route, databases=[shop]) == []
