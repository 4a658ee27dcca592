"""The source has a free replication slot for each database."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.replication_slots import ReplicationSlots


class TestReplicationSlots(PrecheckContract):
    plugin = ReplicationSlots


@pytest.fixture
def shop(lean_route, fresh_database):
    return fresh_database(lean_route)


def test_enough_free_slots_pass(found, source_route, target_route, fresh_database):
    assert found(ReplicationSlots, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_too_few_slots_fail_and_the_fix_counts_those_in_use(found, lean_route, target_route, shop):
    with connect(lean_route) as connection:
        connection.execute("select pg_catalog.pg_create_physical_replication_slot('old')")
        (finding,) = found(ReplicationSlots, lean_route, target_route, databases=[shop])
        connection.execute("select pg_catalog.pg_drop_replication_slot('old')")
    assert finding.message == "the source has 0 free replication slots, and 2 are needed"
    assert finding.fix.sql == ("ALTER SYSTEM SET max_replication_slots = 3",)
    assert finding.fix.text.endswith("drop slots that nobody needs: old")


def test_one_is_kept_for_a_table_that_is_copied_anew(found, lean_route, target_route, shop):
    (finding,) = found(ReplicationSlots, lean_route, target_route, databases=[shop])
    assert finding.observed == "0 of 1 taken"
