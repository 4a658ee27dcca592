"""The target can remember how far each stream is applied."""

from dtsrun.api import ServerFacts
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.replication_origins import ReplicationOrigins


class TestReplicationOrigins(PrecheckContract):
    plugin = ReplicationOrigins


def test_a_target_with_free_origins_passes(found, source_route, target_route, fresh_database):
    assert found(ReplicationOrigins, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_origins_that_are_there_count(found, source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    names = [f"old_{number}" for number in range(9)]
    with connect(target_route) as connection:
        for name in names:
            connection.execute("select pg_catalog.pg_replication_origin_create(%s)", [name])
        (finding,) = found(ReplicationOrigins, source_route, target_route, databases=[shop])
        for name in names:
            connection.execute("select pg_catalog.pg_replication_origin_drop(%s)", [name])
    assert finding.message == "the target has 1 free replication origins, and 2 are needed"
    assert finding.evidence["origins"] == names


def test_before_version_18_slots_are_the_limit(found, source_route, fresh_database):
    shop = fresh_database(source_route)
    settings = {"max_replication_slots": "1"}
    facts = ServerFacts(
        version=160000, version_text="", current_user="m", is_superuser=True, bootstrap_role="p", settings=settings
    )
    (finding,) = found(ReplicationOrigins, source_route, source_route, databases=[shop], facts={"target": facts})
    assert finding.subject == "target.max_replication_slots"
