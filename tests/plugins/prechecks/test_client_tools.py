"""This machine has a pg_dump that is new enough."""

from dtsrun.api import ServerFacts
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.client_tools import ClientTools


class TestClientTools(PrecheckContract):
    plugin = ClientTools


def test_servers_of_known_versions_pass(found, source_route, target_route):
    assert found(ClientTools, source_route, target_route) == []


def test_a_server_newer_than_every_pg_dump_fails_and_says_what_to_install(found, source_route):
    future = ServerFacts(
        version=990000, version_text="PostgreSQL 99", current_user="m", is_superuser=False, bootstrap_role="p"
    )
    (finding,) = found(ClientTools, source_route, None, facts={"target": future})
    assert finding.expected == "pg_dump of version 99 or later"
    assert "postgresql-client-99" in finding.fix.text
