"""The options of user mappings can be read."""

import pytest
from psycopg import sql

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.user_mapping_secrets import UserMappingSecrets


class TestUserMappingSecrets(PrecheckContract):
    plugin = UserMappingSecrets


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(UserMappingSecrets().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    run(
        source_route,
        "create foreign data wrapper w; create server erp foreign data wrapper w;"
        "create user mapping for public server erp options (password 'x')",
        name,
    )
    return name


def test_a_superuser_reads_them(source_route, target_route, shop):
    assert found(source_route, target_route, databases=[shop]) == []


def test_hidden_ones_are_an_alarm(source_route, target_route, shop, route_of):
    account = route_of(source_route)
    (finding,) = found(account, target_route, databases=[shop])
    name = account.parameters["user"]
    assert finding.message == f"the options of the mapping of public to server erp are hidden from {name}"
    assert finding.fix.sql[0].startswith('ALTER USER MAPPING FOR PUBLIC SERVER "erp" OPTIONS')


def test_the_owner_of_the_server_reads_them(source_route, target_route, shop, route_of):
    account = route_of(source_route)
    owner = sql.Identifier(account.parameters["user"])
    run(source_route, sql.SQL("grant usage on foreign data wrapper w to {}").format(owner), shop)
    run(source_route, sql.SQL("alter server erp owner to {}").format(owner), shop)
    assert found(account, target_route, databases=[shop]) == []
    run(source_route, "drop foreign data wrapper w cascade", shop)
