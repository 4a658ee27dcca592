"""Sessions on the target may write by default."""

import pytest
from psycopg import sql

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.target_read_only import TargetReadOnly


class TestTargetReadOnly(PrecheckContract):
    plugin = TargetReadOnly


@pytest.fixture
def shop(source_route, target_route, fresh_database):
    name = fresh_database(source_route)
    return fresh_database(target_route, name=name)


def run(route, statement, *names):
    with connect(route) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def test_a_target_that_takes_writes_passes(found, source_route, target_route, shop):
    assert found(TargetReadOnly, source_route, target_route, databases=[shop]) == []


@pytest.mark.parametrize("value", ["on", "true"])
def test_a_read_only_database_is_named_and_the_fix_mends_it(found, source_route, target_route, shop, value):
    run(target_route, f"alter database {{}} set default_transaction_read_only = {value}", shop)
    (finding,) = found(TargetReadOnly, source_route, target_route, databases=[shop])
    assert finding.subject == f"database {shop}"
    run(target_route, finding.fix.sql[0])
    assert found(TargetReadOnly, source_route, target_route, databases=[shop]) == []


def test_a_read_only_account_counts_and_other_accounts_do_not(found, source_route, target_route, route_of, shop):
    account, other = route_of(target_route), route_of(target_route)
    name = account.parameters["user"]
    run(target_route, "alter role {} set default_transaction_read_only = on", name)
    (finding,) = found(TargetReadOnly, source_route, account, databases=[shop])
    assert finding.fix.sql == (f'ALTER ROLE "{name}" RESET default_transaction_read_only',)
    assert found(TargetReadOnly, source_route, other, databases=[shop]) == []


def test_a_server_that_is_read_only_as_a_whole(found, source_route, lean_route, fresh_database):
    name = fresh_database(source_route)
    run(lean_route, "alter system set default_transaction_read_only = on")
    run(lean_route, "select pg_reload_conf()")
    (finding,) = found(TargetReadOnly, source_route, lean_route, databases=[name])
    assert finding.subject == "target"
    assert finding.fix.takes_effect == "reload"
    for statement in finding.fix.sql:
        run(lean_route, statement)
