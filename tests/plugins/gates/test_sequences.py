"""Every sequence of the source has its counterpart."""

from dataclasses import replace

from dtsrun.inventory import read_inventory
from dtsrun.registry import load_registry
from dtsrun.testing.contracts import GateContract
from dtsrun.testing.fakes import make_spec
from dtsrun_plugins.gates.sequences import Sequences


class TestSequences(GateContract):
    plugin = Sequences


def test_serial_and_identity_columns_and_plain_ones_are_looked_for(shop):
    shop.source.execute("create table orders (id serial, other int generated always as identity)")
    shop.source.execute("create sequence plain")
    assert shop.said(Sequences) == [
        f"sequence public.{name} is not on the target" for name in ("orders_id_seq", "orders_other_seq", "plain")
    ]
    shop.target.execute("create table orders (id serial, other int generated always as identity)")
    shop.target.execute("create sequence plain")
    assert shop.found(Sequences) == []


def test_one_that_cannot_be_read_is_named_with_the_grant(shop):
    shop.on_both("create sequence plain")
    shop.source.execute("create role seq_reader login password 'secret'")
    try:
        source, target = shop.routes
        shop.routes = (
            replace(source, parameters={**source.parameters, "user": "seq_reader", "password": "secret"}),
            target,
        )
        inventory = read_by_owner(shop, source)
        (finding,) = shop.found(Sequences, inventory=inventory)
        assert finding.fix.text == "grant select on sequence public.plain to seq_reader"
        shop.source.execute(finding.fix.text.encode())
        assert shop.found(Sequences, inventory=inventory) == []
    finally:
        shop.source.execute("drop owned by seq_reader; drop role seq_reader")


def read_by_owner(shop, route):
    """The inventory was read when the account still might."""
    return read_inventory(make_spec({shop.name: shop.name}), route, load_registry().object_kinds)
