"""The passwords of the roles that move can be read."""

from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.password_hashes import PasswordHashes


class TestPasswordHashes(PrecheckContract):
    plugin = PasswordHashes


def found(source, target):
    with FakeCheckContext(source=source, target=target) as context:
        return list(PasswordHashes().check(context))


def test_a_superuser_reads_them(source_route, target_route, fresh_role):
    fresh_role(source_route, "login password 'x'")
    assert found(source_route, target_route) == []


def test_hidden_hashes_are_one_alarm_that_names_the_roles(source_route, target_route, fresh_role, route_of):
    with_login = fresh_role(source_route, "login password 'x'")
    without_login = fresh_role(source_route)
    account = route_of(source_route)
    (finding,) = found(account, target_route)
    assert with_login in finding.evidence["roles"]
    assert without_login not in finding.evidence["roles"]
