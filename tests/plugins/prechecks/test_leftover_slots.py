"""No forgotten replication slot keeps WAL on the source."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.leftover_slots import LeftoverSlots


class TestLeftoverSlots(PrecheckContract):
    plugin = LeftoverSlots


@pytest.fixture
def slot(source_route):
    """Make a physical slot that keeps WAL from now on."""
    made = []

    def make(name):
        with connect(source_route) as connection:
            connection.execute("select pg_catalog.pg_create_physical_replication_slot(%s, true)", [name])
        made.append(name)
        return name

    yield make
    with connect(source_route) as connection:
        for name in made:
            connection.execute(
                "select pg_catalog.pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = %s",
                [name],
            )


def test_no_slots_pass(found, source_route, target_route):
    assert found(LeftoverSlots, source_route, target_route) == []


def test_a_slot_that_keeps_little_passes(found, source_route, target_route, slot):
    slot("standby")
    assert found(LeftoverSlots, source_route, target_route) == []


def test_a_slot_that_keeps_much_is_an_alarm_and_the_fix_drops_it(found, source_route, target_route, slot):
    slot("standby")
    with connect(source_route) as connection:
        connection.execute("select pg_catalog.pg_logical_emit_message(false, '', repeat('x', 100000))")
        connection.execute("select pg_catalog.pg_switch_wal()")
        (finding,) = found(LeftoverSlots, source_route, target_route, options={"retained": 50_000})
        connection.execute(finding.fix.sql[0])
    assert finding.subject == "slot standby"
    assert finding.evidence["retained"] > 50_000
    assert found(LeftoverSlots, source_route, target_route, options={"retained": 50_000}) == []


def test_a_slot_of_an_earlier_task_is_an_alarm_however_little_it_keeps(found, source_route, target_route, slot):
    slot("dtsrun_shop")
    (finding,) = found(LeftoverSlots, source_route, target_route)
    assert "dtsrun_shop is read by nobody" in finding.message


def test_a_slot_that_the_server_gave_up_is_an_alarm(found, lean_route, target_route):
    with connect(lean_route) as connection:
        connection.execute("select pg_catalog.pg_create_physical_replication_slot('beaten', true)")
        lose(connection)
        (finding,) = found(LeftoverSlots, lean_route, target_route)
        connection.execute("select pg_catalog.pg_drop_replication_slot('beaten')")
    assert finding.message == "slot beaten is lost, since the server removed WAL that it needs"


def lose(connection):
    """Write so much WAL that the slot goes beyond its limit of 16 MB."""
    for _ in range(4):
        connection.execute("select pg_catalog.pg_logical_emit_message(false, '', 'x')")
        connection.execute("select pg_catalog.pg_switch_wal()")
    connection.execute("checkpoint")
