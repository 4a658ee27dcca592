"""No role that moves has expired."""

import pytest

from dtsrun.api import Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.role_expired import RoleExpired


class TestRoleExpired(PrecheckContract):
    plugin = RoleExpired


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(RoleExpired().check(context))


def chosen(*roles):
    return make_spec({}, selection=Selection(entire_instance=False, roles=roles))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.mark.parametrize("attributes", ["login", "login valid until 'infinity'", "nologin valid until '2020-01-01'"])
def test_roles_that_may_log_in_or_never_do_pass(source_route, target_route, fresh_role, attributes):
    assert found(source_route, target_route, spec=chosen(fresh_role(source_route, attributes))) == []


def test_one_that_has_expired_is_an_alarm_and_the_fix_prolongs_it(source_route, target_route, fresh_role):
    role = fresh_role(source_route, "login valid until '2020-01-01 00:00+00'")
    (finding,) = found(source_route, target_route, spec=chosen(role))
    assert finding.message == f"the password of role {role} has expired at 2020-01-01 00:00:00+00"
    run(source_route, finding.fix.sql[0].encode())
    assert found(source_route, target_route, spec=chosen(role)) == []
