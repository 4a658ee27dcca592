"""The source is patient with a slow reader of its WAL."""

from psycopg import sql

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.wal_sender_timeout import WalSenderTimeout


class TestWalSenderTimeout(PrecheckContract):
    plugin = WalSenderTimeout


def test_the_default_passes(found, source_route, target_route):
    assert found(WalSenderTimeout, source_route, target_route) == []


def test_a_few_seconds_are_an_alarm(found, lean_route, target_route):
    (finding,) = found(WalSenderTimeout, lean_route, target_route)
    assert finding.message == "the source ends a stream after 5 s without an answer"
    assert finding.fix.takes_effect == "reload"


def test_never_passes(found, source_route, target_route, route_of):
    account = route_of(source_route)
    with connect(source_route) as connection:
        role = sql.Identifier(account.parameters["user"])
        connection.execute(sql.SQL("alter role {} set wal_sender_timeout = 0").format(role))
    assert found(WalSenderTimeout, account, target_route) == []
