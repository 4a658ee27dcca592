"""The target account may grant the memberships."""

import pytest
from psycopg import sql

from dtsrun.api import Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.role_memberships import RoleMemberships


class TestRoleMemberships(PrecheckContract):
    plugin = RoleMemberships


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(RoleMemberships().check(context))


def chosen(*roles):
    return make_spec({}, selection=Selection(entire_instance=False, roles=roles))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def monitor(source_route, fresh_role):
    role = fresh_role(source_route)
    run(source_route, sql.SQL("grant pg_monitor to {}").format(sql.Identifier(role)))
    return role


def test_a_superuser_may_grant_all(source_route, target_route, monitor):
    assert found(source_route, target_route, spec=chosen(monitor)) == []


def test_without_the_admin_option_it_is_an_alarm_and_the_fix_gives_it(source_route, target_route, monitor, route_of):
    account = route_of(target_route, "createrole")
    (finding,) = found(source_route, account, spec=chosen(monitor))
    assert finding.message == f"{account.parameters['user']} may not grant pg_monitor to role {monitor}"
    run(target_route, finding.fix.sql[0].encode())
    assert found(source_route, account, spec=chosen(monitor)) == []
