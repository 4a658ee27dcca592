"""Every index of the source is on the target, and valid."""

import psycopg
import pytest

from dtsrun.testing.contracts import GateContract
from dtsrun_plugins.gates.indexes_valid import IndexesValid


class TestIndexesValid(GateContract):
    plugin = IndexesValid


@pytest.fixture
def orders(shop):
    shop.on_both("create table orders (id int primary key, note text)")
    shop.source.execute("create index by_note on orders (note)")
    return shop


def test_what_is_there_and_valid_passes(orders):
    orders.target.execute("create index by_note on orders (note)")
    assert orders.found(IndexesValid) == []


def test_a_missing_one_is_named_with_its_definition(orders):
    (finding,) = orders.found(IndexesValid)
    assert (finding.subject, finding.observed) == (f"{orders.name}.public.by_note", "missing")
    orders.target.execute(finding.fix.sql[0].encode())
    assert orders.found(IndexesValid) == []


def test_an_invalid_one_is_named_and_rebuilt_by_its_fix(orders):
    orders.target.execute("insert into orders values (1, 'a'), (2, 'a')")
    with pytest.raises(psycopg.errors.UniqueViolation):
        orders.target.execute("create unique index concurrently by_note on orders (note)")
    (finding,) = orders.found(IndexesValid)
    assert finding.message == "index public.by_note is invalid on the target"
    orders.target.execute("delete from orders where id = 2")
    orders.target.execute(finding.fix.sql[0].encode())
    assert orders.found(IndexesValid) == []


@pytest.mark.parametrize("constraint", ["unique (note)", "exclude (note with =)"])
def test_those_of_constraints_are_looked_for_too(orders, constraint):
    orders.source.execute("drop index by_note")
    orders.source.execute(f'alter table orders add constraint "one ""note""" {constraint}'.encode())
    (missing,) = orders.found(IndexesValid)
    assert (missing.subject, missing.observed) == (f'{orders.name}.public.one "note"', "missing")
    orders.target.execute(missing.fix.sql[0].encode())
    assert orders.found(IndexesValid) == []


def test_a_key_that_guards_nothing_is_named(orders):
    orders.target.execute("create index by_note on orders (note)")
    orders.target.execute("update pg_index set indisvalid = false where indexrelid = 'orders_pkey'::regclass")
    (finding,) = orders.found(IndexesValid)
    assert finding.message == "index public.orders_pkey is invalid on the target"
    orders.target.execute(finding.fix.sql[0].encode())
    assert orders.found(IndexesValid) == []
