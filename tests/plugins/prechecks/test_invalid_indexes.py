"""All indexes are valid."""

import psycopg
import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.invalid_indexes import InvalidIndexes


class TestInvalidIndexes(PrecheckContract):
    plugin = InvalidIndexes


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.t (id int primary key, x int)")
        connection.execute("insert into public.t values (1, 1), (2, 1)")
    return name


def found(source, target, shop):
    with FakeCheckContext(source=source, target=target, databases=[shop]) as context:
        return list(InvalidIndexes().check(context))


def test_valid_indexes_pass(source_route, target_route, shop):
    assert found(source_route, target_route, shop) == []


def test_what_a_failed_concurrent_build_left_is_named_and_the_fix_mends_it(source_route, target_route, shop):
    with connect(source_route, shop) as connection:
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute('create unique index concurrently "only one" on public.t (x)')
        (finding,) = found(source_route, target_route, shop)
        assert finding.subject == f"{shop}.public.only one"
        assert finding.evidence == {"unique": True}
        connection.execute("delete from public.t where id = 2")
        connection.execute(finding.fix.sql[0].encode())
    assert found(source_route, target_route, shop) == []


def test_the_index_of_a_partitioned_table_that_waits_for_partitions_is_none_of_it(source_route, target_route, shop):
    with connect(source_route, shop) as connection:
        connection.execute("create table public.p (id int) partition by range (id)")
        connection.execute("create table public.p1 partition of public.p for values from (0) to (10)")
        connection.execute("create index on only public.p (id)")
    assert found(source_route, target_route, shop) == []
