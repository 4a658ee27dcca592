"""The source account may end sessions of others."""

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.signal_backend import SignalBackend


class TestSignalBackend(PrecheckContract):
    plugin = SignalBackend


def test_a_superuser_passes(found, source_route, target_route):
    assert found(SignalBackend, source_route, target_route) == []


def test_an_account_without_the_right_is_an_alarm_and_the_fix_mends_it(found, source_route, target_route, route_of):
    account = route_of(source_route)
    (finding,) = found(SignalBackend, account, target_route)
    assert finding.subject == f"role {account.parameters['user']}"
    with connect(source_route) as connection:
        connection.execute(finding.fix.sql[0])
    assert found(SignalBackend, account, target_route) == []


def test_a_member_that_does_not_inherit_is_an_alarm_and_the_fix_mends_it(found, source_route, target_route, route_of):
    account = route_of(source_route, "noinherit")
    with connect(source_route) as connection:
        connection.execute(f"grant pg_signal_backend to {account.parameters['user']}".encode())
        (finding,) = found(SignalBackend, account, target_route)
        assert finding.observed == "a member that does not inherit"
        connection.execute(finding.fix.sql[0].encode())
    assert found(SignalBackend, account, target_route) == []
