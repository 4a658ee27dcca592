"""The target account may create all that is to be moved."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.target_permission import TargetPermission


class TestTargetPermission(PrecheckContract):
    plugin = TargetPermission


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.t (x int)")
    return name


def found(source, target, shop, **known):
    with FakeCheckContext(source=source, target=target, spec=make_spec({shop: shop}), **known) as context:
        return list(TargetPermission().check(context))


def run(route, statements, database=None):
    with connect(route, database) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def test_a_superuser_may_create_everything(source_route, target_route, shop):
    assert found(source_route, target_route, shop) == []


def test_a_database_that_is_not_there_takes_createdb_and_the_fix_gives_it(source_route, target_route, route_of, shop):
    account = route_of(target_route)
    findings = found(source_route, account, shop)
    assert f"{account.parameters['user']} may not create database {shop}" in [f.message for f in findings]
    run(target_route, [statement for finding in findings for statement in finding.fix.sql])
    assert found(source_route, account, shop) == []


def test_in_a_database_that_is_there_create_is_asked_for(source_route, target_route, route_of, fresh_database, shop):
    fresh_database(target_route, name=shop)
    account = route_of(target_route)
    findings = [f for f in found(source_route, account, shop) if f"schemas in database {shop}" in f.message]
    assert len(findings) == 1
    run(target_route, findings[0].fix.sql)
    assert [f for f in found(source_route, account, shop) if f"schemas in database {shop}" in f.message] == []


def test_an_owner_that_the_account_cannot_become_is_named(source_route, target_route, route_of, fresh_role, shop):
    owner = fresh_role(source_route)
    fresh_role(target_route, name=owner)
    run(source_route, [f"alter table public.t owner to {owner}"], shop)
    account = route_of(target_route, "createdb")
    messages = [f.message for f in found(source_route, account, shop)]
    assert f"{account.parameters['user']} cannot make {owner} an owner, since it is not a member of it" in messages
    run(source_route, ["drop table public.t"], shop)
