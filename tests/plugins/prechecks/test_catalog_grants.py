"""The target account may repeat grants on what belongs to the server."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.catalog_grants import CatalogGrants


class TestCatalogGrants(PrecheckContract):
    plugin = CatalogGrants


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(CatalogGrants().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    run(source_route, "grant execute on function pg_catalog.pg_ls_dir(text) to public", name)
    return name


def test_a_superuser_may_repeat_them(source_route, target_route, shop):
    assert found(source_route, target_route, databases=[shop]) == []


def test_another_account_is_told_which_it_may_not(source_route, target_route, shop, route_of):
    (finding,) = found(source_route, route_of(target_route), databases=[shop])
    assert finding.subject == f"{shop}.ACL pg_catalog.FUNCTION pg_ls_dir(text)"
    assert "GRANT ALL ON FUNCTION pg_catalog.pg_ls_dir(text) TO PUBLIC;" in finding.fix.sql


def test_grants_on_what_users_made_do_not_count(source_route, target_route, fresh_database, route_of):
    name = fresh_database(source_route)
    run(source_route, "create table public.t (x int); grant select on public.t to public", name)
    assert found(source_route, route_of(target_route), databases=[name]) == []
