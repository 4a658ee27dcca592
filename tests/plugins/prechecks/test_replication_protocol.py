"""The source lets a replication session in."""

import psycopg
import pytest

from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.replication_protocol import ReplicationProtocol


class TestReplicationProtocol(PrecheckContract):
    plugin = ReplicationProtocol


@pytest.fixture
def shop(source_route, fresh_database):
    return fresh_database(source_route)


def test_a_source_that_lets_us_in_passes(found, source_route, target_route, shop):
    assert found(ReplicationProtocol, source_route, target_route, databases=[shop]) == []


def test_an_account_with_the_attribute_alone_passes(found, source_route, target_route, route_of, shop):
    account = route_of(source_route, "replication")
    assert found(ReplicationProtocol, account, target_route, databases=[shop]) == []


def test_a_refusal_fails_with_the_reason_of_the_server(found, source_route, target_route, route_of, shop):
    account = route_of(source_route)
    (finding,) = found(ReplicationProtocol, account, target_route, databases=[shop])
    assert finding.subject == f"database {shop}"
    assert "WAL sender" in finding.message
    assert "let r_" in finding.fix.text


def test_a_proxy_that_knows_no_replication_fails(found, source_route, target_route, shop, monkeypatch):
    def refuse(connection, **parameters):
        raise psycopg.OperationalError("unsupported startup parameter: replication")

    monkeypatch.setattr("dtsrun_plugins.prechecks.replication_protocol.another", refuse)
    (finding,) = found(ReplicationProtocol, source_route, target_route, databases=[shop])
    assert finding.message == f"{shop}: unsupported startup parameter: replication"
