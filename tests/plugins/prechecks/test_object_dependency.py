"""What is chosen has all that it depends on."""

import pytest

from dtsrun.api import DatabaseSelection, Pattern, Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.object_dependency import ObjectDependency


class TestObjectDependency(PrecheckContract):
    plugin = ObjectDependency


SHOP = """
create table public.customers (id int primary key);
create table public.orders (id int primary key, customer int references public.customers);
create view public.revenue as select count(*) from public.orders;
"""


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute(SHOP.encode())
    return name


def found(source, target, shop, *includes, roles=()):
    patterns = tuple(Pattern(selector=word, text=text) for word, text in includes)
    chosen = DatabaseSelection(name=shop, target=shop, include=patterns)
    selection = Selection(entire_instance=False, databases={shop: chosen}, roles=roles)
    with FakeCheckContext(source=source, target=target, spec=make_spec({}, selection=selection)) as context:
        return list(ObjectDependency().check(context))


def test_everything_is_closed(source_route, target_route, shop):
    assert [f for f in found(source_route, target_route, shop) if "role" not in f.subject] == []


def test_a_table_that_a_foreign_key_needs_is_named_with_the_line_that_adds_it(source_route, target_route, shop):
    (finding,) = found(source_route, target_route, shop, ("table", "public.orders"))
    assert "TABLE public.customers is not chosen" in finding.message
    assert "{table: public.customers}" in finding.fix.text
    assert any("orders_customer_fkey" in label for label in finding.evidence["needed_by"])


def test_the_line_closes_the_selection(source_route, target_route, shop):
    chosen = [("table", "public.orders"), ("table", "public.customers")]
    assert found(source_route, target_route, shop, *chosen) == []


def test_a_view_without_its_table_is_not_closed(source_route, target_route, shop):
    messages = [f.message for f in found(source_route, target_route, shop, ("view", "public.revenue"))]
    assert any("TABLE public.orders is not chosen" in message for message in messages)


def test_owners_and_grantees_must_move_or_be_there(source_route, target_route, fresh_role, shop):
    owner, reader = fresh_role(source_route), fresh_role(source_route, name='odd "role"')
    with connect(source_route, shop) as connection:
        connection.execute(f"alter table public.customers owner to {owner}".encode())
        connection.execute(b'grant select on public.customers to "odd ""role"""')
    everything = found(source_route, target_route, shop)
    assert {f.subject for f in everything} == {f"role {owner}", f"role {reader}"}
    assert f'CREATE ROLE "{owner}"' in {sql for f in everything for sql in f.fix.sql}
    assert found(source_route, target_route, shop, roles=(owner, "odd*")) == []
    with connect(source_route, shop) as connection:
        connection.execute("drop table public.customers cascade")
