"""The target account may give roles their attributes."""

from dtsrun.api import Selection
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.role_attributes import RoleAttributes


class TestRoleAttributes(PrecheckContract):
    plugin = RoleAttributes


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(RoleAttributes().check(context))


def chosen(role):
    return make_spec({}, selection=Selection(entire_instance=False, roles=(role,)))


def test_a_superuser_may_give_all(source_route, target_route, fresh_role):
    role = fresh_role(source_route, "replication bypassrls")
    assert found(source_route, target_route, spec=chosen(role)) == []


def test_another_account_is_told_what_the_role_would_lose(source_route, target_route, fresh_role, route_of):
    role = fresh_role(source_route, "replication bypassrls")
    account = route_of(target_route, "createrole")
    messages = [finding.message for finding in found(source_route, account, spec=chosen(role))]
    name = account.parameters["user"]
    assert messages == [
        f"{name} may not give role {role} the attribute REPLICATION",
        f"{name} may not give role {role} the attribute BYPASSRLS",
    ]


def test_who_has_an_attribute_may_give_it(source_route, target_route, fresh_role, route_of):
    role = fresh_role(source_route, "replication")
    assert found(source_route, route_of(target_route, "createrole replication"), spec=chosen(role)) == []
