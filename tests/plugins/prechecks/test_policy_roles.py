"""The roles that row-level policies name move or are there."""

import pytest
from psycopg import sql

from dtsrun.api import DatabaseSelection, Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.policy_roles import PolicyRoles


class TestPolicyRoles(PrecheckContract):
    plugin = PolicyRoles


def found(source, target, database, **known):
    with FakeCheckContext(source=source, target=target, databases=[database], **known) as context:
        return list(PolicyRoles().check(context))


@pytest.fixture
def auditor(source_route, fresh_role):
    return fresh_role(source_route)


@pytest.fixture
def shop(source_route, fresh_database, auditor):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.orders (x int)")
        connection.execute("create policy everybody on public.orders using (true)")
        policy = sql.SQL("create policy own on public.orders to {} using (true)").format(sql.Identifier(auditor))
        connection.execute(policy)
    yield name
    with connect(source_route, name) as connection:
        connection.execute("drop table public.orders")


def test_a_role_that_is_nowhere_fails(source_route, target_route, shop, auditor):
    (finding,) = found(source_route, target_route, shop)
    assert finding.subject == f"{shop}.public.orders"
    assert finding.message.startswith(f"role {auditor} is named by policy own of public.orders")
    assert finding.fix.sql == (f'CREATE ROLE "{auditor}"',)


def test_a_role_that_the_target_has_passes(source_route, target_route, shop, auditor, fresh_role):
    fresh_role(target_route, name=auditor)
    assert found(source_route, target_route, shop) == []


def test_a_role_that_moves_passes(source_route, target_route, shop, auditor):
    databases = {shop: DatabaseSelection(name=shop, target=shop)}
    spec = make_spec({}, selection=Selection(entire_instance=False, databases=databases, roles=(auditor,)))
    with FakeCheckContext(source=source_route, target=target_route, spec=spec) as context:
        assert list(PolicyRoles().check(context)) == []
