"""The source has a free WAL sender for each database."""

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import make_spec
from dtsrun_plugins.prechecks.wal_senders import WalSenders


class TestWalSenders(PrecheckContract):
    plugin = WalSenders


def test_enough_free_senders_pass(found, source_route, target_route, fresh_database):
    assert found(WalSenders, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_too_few_senders_fail(found, lean_route, target_route, fresh_database):
    (finding,) = found(WalSenders, lean_route, target_route, databases=[fresh_database(lean_route)])
    assert finding.message == "the source has 1 free WAL senders, and 2 are needed"
    assert finding.fix.takes_effect == "restart"


def test_each_group_of_tables_takes_one(found, lean_route, target_route, fresh_database):
    name = fresh_database(lean_route)
    with connect(lean_route, name) as connection:
        connection.execute("create table public.a (id int primary key); create table public.b (id int primary key)")
        connection.execute("create table public.c (id int references public.a)")
    spec = make_spec({name: name}, stages={"incremental": {"groups": 5}})
    (finding,) = found(WalSenders, lean_route, target_route, databases=[name], spec=spec)
    assert finding.message == "the source has 1 free WAL senders, and 3 are needed"
