"""No database is moved onto itself."""

import pytest

from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.same_server import SameServer


class TestSameServer(PrecheckContract):
    plugin = SameServer


@pytest.fixture
def shop(source_route, fresh_database):
    return fresh_database(source_route)


def test_two_servers_pass(found, source_route, target_route, shop):
    assert found(SameServer, source_route, target_route, databases=[shop]) == []


def test_the_same_database_fails_by_whatever_address(found, source_route, shop):
    (finding,) = found(SameServer, source_route, source_route, databases=[shop])
    assert finding.subject == f"database {shop}"
    assert finding.observed.startswith("system identifier ")


def test_another_database_of_the_same_server_passes(found, source_route, shop):
    assert found(SameServer, source_route, source_route, databases={shop: f"{shop}_new"}) == []
