"""Tables that are updated have an identity to be told by."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.updates_without_identity import UpdatesWithoutIdentity


class TestUpdatesWithoutIdentity(PrecheckContract):
    plugin = UpdatesWithoutIdentity


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.carts (x int)")
        connection.execute("create table public.orders (id int primary key)")
        connection.execute("insert into public.carts values (1), (2)")
        connection.execute("insert into public.orders values (1), (2)")
    return name


def found(source, target, shop):
    with FakeCheckContext(source=source, target=target, databases=[shop]) as context:
        return list(UpdatesWithoutIdentity().check(context))


def change(source, shop):
    # Counters are handed in when the session ends.
    with connect(source, shop) as connection:
        connection.execute("update public.carts set x = 3 where x = 1")
        connection.execute("delete from public.carts where x = 2")
        connection.execute("update public.orders set id = 3 where id = 1")


def test_inserts_alone_need_no_identity(source_route, target_route, shop):
    assert found(source_route, target_route, shop) == []


def test_updates_and_deletes_were_counted(source_route, target_route, shop):
    change(source_route, shop)
    (finding,) = found(source_route, target_route, shop)
    assert finding.subject == f"{shop}.public.carts"
    assert finding.observed == "2 updates and deletes"
    assert finding.fix.sql == ("ALTER TABLE public.carts REPLICA IDENTITY FULL",)


def test_an_index_that_is_gone_is_no_identity(source_route, target_route, shop):
    with connect(source_route, shop) as connection:
        connection.execute("alter table public.carts alter x set not null")
        connection.execute("create unique index cart on public.carts (x)")
        connection.execute("alter table public.carts replica identity using index cart")
    change(source_route, shop)
    assert found(source_route, target_route, shop) == []
    with connect(source_route, shop) as connection:
        connection.execute("drop index public.cart")
    assert [finding.subject for finding in found(source_route, target_route, shop)] == [f"{shop}.public.carts"]


def test_the_fix_mends_it(source_route, target_route, shop):
    change(source_route, shop)
    (finding,) = found(source_route, target_route, shop)
    with connect(source_route, shop) as connection:
        connection.execute(finding.fix.sql[0].encode())
    assert found(source_route, target_route, shop) == []
