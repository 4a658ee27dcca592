"""Both ends can lock all tables of a database at once."""

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.locks_capacity import LocksCapacity


class TestLocksCapacity(PrecheckContract):
    plugin = LocksCapacity


def test_a_few_tables_pass(found, source_route, target_route, fresh_database):
    assert found(LocksCapacity, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_more_tables_than_locks_fail(found, lean_route, target_route, fresh_database):
    shop, small = fresh_database(lean_route), fresh_database(lean_route)
    make_tables(lean_route, shop, 300)
    (finding,) = found(LocksCapacity, lean_route, target_route, databases=[shop, small])
    assert finding.subject == f"database {shop}"
    assert finding.message.startswith(f"database {shop} has 300 tables, and the source has room for ")
    assert finding.fix.takes_effect == "restart"


def test_more_tables_than_the_target_can_lock_fail(found, source_route, lean_route, fresh_database):
    shop = fresh_database(source_route)
    make_tables(source_route, shop, 300)
    (finding,) = found(LocksCapacity, source_route, lean_route, databases=[shop])
    assert finding.message.startswith(f"database {shop} has 300 tables, and the target has room for ")
    assert finding.fix.side == "target"


def make_tables(route, database, count):
    """Make tables, few in each transaction."""
    with connect(route, database) as connection:
        for start in range(0, count, 20):
            tables = "; ".join(f"create table public.t{number} ()" for number in range(start, start + 20))
            connection.execute(tables)
