"""The target account may hand objects over to their owners."""

from dataclasses import replace

import pytest
from psycopg import sql

from dtsrun.api import SkipCheck
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.set_role import SetRole


class TestSetRole(PrecheckContract):
    plugin = SetRole


def found(source, target, database, **known):
    with FakeCheckContext(source=source, target=target, databases=[database], **known) as context:
        return list(SetRole().check(context))


@pytest.fixture
def owner(source_route, target_route, fresh_role):
    name = fresh_role(source_route)
    return fresh_role(target_route, name=name)


@pytest.fixture
def shop(source_route, fresh_database, owner):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute("create table public.t (x int)")
        connection.execute(sql.SQL("alter table public.t owner to {}").format(sql.Identifier(owner)))
    yield name
    with connect(source_route, name) as connection:
        connection.execute("drop table public.t")


def grant(route, owner, account, options):
    names = sql.Identifier(owner), sql.Identifier(account.parameters["user"])
    with connect(route) as connection:
        connection.execute(sql.SQL("grant {} to {} ").format(*names) + sql.SQL(options))


def test_a_superuser_may_become_everybody(source_route, target_route, shop):
    assert found(source_route, target_route, shop) == []


def test_a_membership_without_set_fails_and_the_fix_mends_it(source_route, target_route, shop, owner, route_of):
    account = route_of(target_route)
    grant(target_route, owner, account, "with set false")
    (finding,) = found(source_route, account, shop)
    assert finding.subject == f"role {owner}"
    with connect(target_route) as connection:
        connection.execute(finding.fix.sql[0].encode())
    assert found(source_route, account, shop) == []


def test_before_16_membership_is_enough(source_route, target_route, shop):
    with FakeCheckContext(target=target_route) as context:
        facts = replace(context.facts("target"), version=150000)
    with pytest.raises(SkipCheck):
        found(source_route, target_route, shop, facts={"target": facts})
