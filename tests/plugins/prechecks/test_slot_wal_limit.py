"""The source lets a slot keep enough WAL."""

import time

from dtsrun.api import Severity
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.slot_wal_limit import SlotWalLimit


class TestSlotWalLimit(PrecheckContract):
    plugin = SlotWalLimit


def test_no_limit_passes(found, source_route, target_route, fresh_database):
    assert found(SlotWalLimit, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_a_low_limit_is_an_alarm_and_the_fix_mends_it(found, lean_route, target_route, fresh_database):
    shop = fresh_database(lean_route)
    (finding,) = found(SlotWalLimit, lean_route, target_route, databases=[shop])
    assert finding.message == "slots of the source may keep 0.0 GiB of WAL, and 1.0 GiB may be needed"
    assert finding.severity is None
    assert found_after(found, lean_route, target_route, shop, *finding.fix.sql) == []


def test_a_limit_of_nothing_fails(found, lean_route, target_route, fresh_database):
    shop = fresh_database(lean_route)
    nothing = "alter system set max_slot_wal_keep_size = 0"
    (finding,) = found_after(found, lean_route, target_route, shop, nothing, "select pg_catalog.pg_reload_conf()")
    assert finding.severity is Severity.FAIL


def found_after(found, source, target, shop, *statements):
    """Return what is found once statements took effect, and take them back."""
    with connect(source) as connection:
        for statement in statements:
            connection.execute(statement)
        try:
            wait_for_reload(source)
            return found(SlotWalLimit, source, target, databases=[shop])
        finally:
            connection.execute("alter system reset max_slot_wal_keep_size")
            connection.execute("select pg_catalog.pg_reload_conf()")
            wait_for_reload(source)


def wait_for_reload(route):
    """Wait until new sessions have the configuration that the files hold."""
    for _ in range(100):
        with connect(route) as connection:
            row = connection.execute(
                "select s.setting = coalesce((select pg_size_bytes(f.setting) / 1048576 from pg_file_settings f"
                " where f.name = s.name order by seqno desc limit 1), -1)::text as done"
                " from pg_settings s where s.name = 'max_slot_wal_keep_size'"
            ).fetchone()
        if row.done:
            return
        time.sleep(0.02)
    raise AssertionError("the configuration was not reloaded")
