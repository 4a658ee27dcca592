"""Nobody writes to the source while it is copied once."""

from dataclasses import replace

import pytest

from dtsrun.inventory import read_server_facts
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
    """Do something while the check waits, first at a glance, and then again, if it goes on watching."""

    def during(action):
        waits = []

        def sleep(seconds):
            waits.append(seconds)
            action()

        monkeypatch.setattr("dtsrun_plugins.prechecks.source_writers.time.sleep", sleep)
        return waits

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
    assert finding.message.endswith(f"rows of {shop}.public.orders were written within 2 s")
    assert finding.subject == f"{shop}.public.orders"


def test_where_nobody_is_at_work_it_takes_no_longer_than_a_glance(found, source_route, target_route, shop, meanwhile):
    waits = meanwhile(lambda: None)
    with connect(source_route, shop, settings={"application_name": "shop"}) as reader:
        reader.execute("select from public.orders")
        found(SourceWriters, source_route, target_route, databases=[shop])
        assert waits == [2], "a session that just did something"
    assert found(SourceWriters, source_route, target_route, databases=[shop]) == []
    glance, *more = waits[1:]
    assert 0 < glance <= 0.3
    assert more in ([], [2]), "other tests may write beside us"
    options = {"always": True, "seconds": 5}
    assert found(SourceWriters, source_route, target_route, databases=[shop], options=options) == []
    assert waits[-1] == 5


def test_a_session_in_the_midst_of_writing_is_waited_for(found, source_route, target_route, shop, meanwhile):
    app = {"application_name": "shop"}
    with connect(source_route, shop, autocommit=False, settings=app) as writer:
        writer.execute("insert into public.orders values (1)")

        def commit():
            writer.commit()
            writer.execute("select pg_catalog.pg_stat_force_next_flush()")
            writer.commit()

        meanwhile(commit)
        (finding,) = found(SourceWriters, source_route, target_route, databases=[shop])
    assert finding.subject == f"{shop}.public.orders"


def test_writers_of_other_databases_pass(found, source_route, target_route, shop, fresh_database, meanwhile):
    other = fresh_database(source_route)
    meanwhile(lambda: write(source_route, other, "create table if not exists public.t as select 1 as x"))
    assert found(SourceWriters, source_route, target_route, databases=[shop]) == []


def test_the_glance_begins_when_the_source_is_opened(found, source_route, target_route, shop, meanwhile):
    waits = meanwhile(lambda: None)
    with connect(source_route) as connection:
        facts = read_server_facts(connection)
    write(source_route, shop, "insert into public.orders values (1)")
    facts = {"source": replace(facts, looked_at=facts.looked_at - 60)}
    assert found(SourceWriters, source_route, target_route, databases=[shop], facts=facts) == []
    assert waits == [2], "a number was given out since: no glance, the counters are watched"
