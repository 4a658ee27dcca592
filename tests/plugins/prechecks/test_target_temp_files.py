"""The target may sort what its indexes need."""

import pytest
from psycopg import sql

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.target_temp_files import TargetTempFiles


class TestTargetTempFiles(PrecheckContract):
    plugin = TargetTempFiles


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(TargetTempFiles().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    run(source_route, "create table public.t as select n from generate_series(1, 5000) n", name)
    return name


def test_a_server_without_a_limit_passes(source_route, target_route, shop):
    assert found(source_route, target_route, databases=[shop]) == []


def test_a_low_limit_is_an_alarm_that_names_the_largest_table(source_route, target_route, shop, route_of):
    account = route_of(target_route, "superuser")
    name = sql.Identifier(account.parameters["user"])
    run(target_route, sql.SQL("alter role {} set temp_file_limit = '64kB'").format(name))
    (finding,) = found(source_route, account, databases=[shop])
    assert finding.subject == f"{shop}.public.t"
    run(target_route, finding.fix.sql[0].encode())
    assert found(source_route, account, databases=[shop]) == []
