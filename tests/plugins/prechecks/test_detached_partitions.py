"""No partition is half detached."""

import psycopg
import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.detached_partitions import DetachedPartitions


class TestDetachedPartitions(PrecheckContract):
    plugin = DetachedPartitions


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.p (id int) partition by range (id)")
        connection.execute("create table public.p1 partition of public.p for values from (0) to (10)")
    return name


def found(source, target, shop):
    with FakeCheckContext(source=source, target=target, databases=[shop]) as context:
        return list(DetachedPartitions().check(context))


def interrupt_detach(source, shop):
    with connect(source, shop, autocommit=False) as reader, connect(source, shop) as worker:
        reader.execute("select from public.p")
        worker.execute("set statement_timeout = '100ms'")
        with pytest.raises(psycopg.errors.QueryCanceled):
            worker.execute("alter table public.p detach partition public.p1 concurrently")


def test_an_attached_partition_passes(source_route, target_route, shop):
    assert found(source_route, target_route, shop) == []


def test_an_interrupted_detach_is_named_and_the_fix_ends_it(source_route, target_route, shop):
    interrupt_detach(source_route, shop)
    (finding,) = found(source_route, target_route, shop)
    assert finding.message == "partition public.p1 is half detached from public.p"
    with connect(source_route, shop) as connection:
        connection.execute(finding.fix.sql[0].encode())
    assert found(source_route, target_route, shop) == []


def test_a_server_before_version_14_knows_nothing_of_it(postgres_server, target_route, fresh_database):
    old = postgres_server(13)
    assert found(old, target_route, fresh_database(old)) == []
