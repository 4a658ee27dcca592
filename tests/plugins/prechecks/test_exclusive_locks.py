"""No chosen table is locked against reading."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.exclusive_locks import ExclusiveLocks


class TestExclusiveLocks(PrecheckContract):
    plugin = ExclusiveLocks


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.orders (id int)")
    return name


def inventory(source, target, shop):
    """Return the inventory as it was read before the lock, which pg_dump would wait for."""
    with FakeCheckContext(source=source, target=target, databases=[shop]) as context:
        return context.inventory


def test_readers_and_writers_pass(found, source_route, target_route, shop):
    with connect(source_route, shop, autocommit=False) as connection:
        connection.execute("insert into public.orders values (1)")
        assert found(ExclusiveLocks, source_route, target_route, databases=[shop]) == []


def test_a_table_that_is_locked_is_an_alarm_and_names_the_session(found, source_route, target_route, shop):
    known = inventory(source_route, target_route, shop)
    with connect(source_route, shop, autocommit=False) as connection:
        connection.execute("alter table public.orders add column total numeric")
        (finding,) = found(ExclusiveLocks, source_route, target_route, databases=[shop], inventory=known)
        pid = connection.info.backend_pid
        connection.rollback()
    assert finding.subject == f"{shop}.public.orders"
    assert finding.message == f"session {pid} of postgres holds ACCESS EXCLUSIVE on public.orders"
    assert finding.fix.sql == (f"SELECT pg_catalog.pg_terminate_backend({pid})",)
