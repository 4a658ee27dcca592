"""The indexes of the target are valid."""

import psycopg
import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.target_indexes_valid import TargetIndexesValid


class TestTargetIndexesValid(PrecheckContract):
    plugin = TargetIndexesValid


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(TargetIndexesValid().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def shop(source_route, target_route, fresh_database):
    name = fresh_database(source_route)
    fresh_database(target_route, name=name)
    run(target_route, "create table public.t (x int); insert into public.t values (1), (1)", name)
    run(target_route, "create index whole on public.t (x)", name)
    return name


def test_whole_indexes_pass(source_route, target_route, shop):
    assert found(source_route, target_route, databases=[shop]) == []


def test_one_that_was_broken_off_is_an_alarm(source_route, target_route, shop):
    with pytest.raises(psycopg.errors.UniqueViolation):
        run(target_route, "create unique index concurrently broken on public.t (x)", shop)
    (finding,) = found(source_route, target_route, databases=[shop])
    assert finding.subject == f"{shop}.public.broken"
    run(target_route, "delete from public.t", shop)
    run(target_route, finding.fix.sql[0].encode(), shop)
    assert found(source_route, target_route, databases=[shop]) == []
