"""Nobody writes to the source while it is copied once."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.source_writers import SourceWriters


class TestSourceWriters(PrecheckContract):
    plugin = SourceWriters


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    write(source_route, name, "create table public.orders (id int)", "create table public.old (id int)")
    return name


@pytest.fixture
def meanwhile(monkeypatch):
    """Do something while the check waits."""

    def during(action):
        monkeypatch.setattr("dtsrun_plugins.prechecks.source_writers.time.sleep", lambda seconds: action())

    return during


def write(route, database, *statements):
    with connect(route, database) as connection:
        for statement in statements:
            connection.execute(statement)
        # The counts of a session are handed in now, not some time after its end.
        connection.execute("select pg_catalog.pg_stat_force_next_flush()")


def test_a_quiet_source_passes(found, source_route, target_route, shop, meanwhile):
    write(source_route, shop, "insert into public.orders values (1)")
    with connect(source_route, shop) as idle:
        meanwhile(lambda: idle.execute("select from public.orders"))
        assert found(SourceWriters, source_route, target_route, databases=[shop]) == []


def test_maintenance_passes(found, source_route, target_route, shop, meanwhile):
    write(source_route, shop, "insert into public.orders values (1)")
    meanwhile(lambda: write(source_route, shop, "vacuum analyze public.orders"))
    assert found(SourceWriters, source_route, target_route, databases=[shop]) == []


@pytest.mark.parametrize("statement", ["insert into public.orders values (1), (2)", "delete from public.orders"])
def test_a_table_that_is_written_to_is_an_alarm(found, source_route, target_route, shop, meanwhile, statement):
    write(source_route, shop, "insert into public.orders values (3), (4)")
    meanwhile(lambda: write(source_route, shop, statement))
    (finding,) = found(SourceWriters, source_route, target_route, databases=[shop])
    assert finding.message == f"2 rows of {shop}.public.orders were written within 2 s"


def test_writers_of_other_databases_pass(found, source_route, target_route, shop, fresh_database, meanwhile):
    other = fresh_database(source_route)
    meanwhile(lambda: write(source_route, other, "create table public.t as select 1 as x"))
    assert found(SourceWriters, source_route, target_route, databases=[shop]) == []
