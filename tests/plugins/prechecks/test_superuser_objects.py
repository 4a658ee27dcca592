"""The target account may create what only superusers create."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.superuser_objects import SuperuserObjects


class TestSuperuserObjects(PrecheckContract):
    plugin = SuperuserObjects


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(SuperuserObjects().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


@pytest.fixture
def shop(source_route, fresh_database):
    name = fresh_database(source_route)
    run(
        source_route,
        "create table public.t (x int);"
        "create function public.f() returns event_trigger language plpgsql as 'begin end';"
        "create function public.g(int) returns int language internal as 'int4abs';"
        "create event trigger logs on ddl_command_end execute function public.f();",
        name,
    )
    return name


def test_a_superuser_may_create_everything(source_route, target_route, shop):
    assert found(source_route, target_route, databases=[shop]) == []


def test_another_account_is_told_what_it_may_not_create(source_route, target_route, shop, route_of):
    findings = found(source_route, route_of(target_route), databases=[shop])
    assert sorted(finding.subject for finding in findings) == [
        f"{shop}.EVENT TRIGGER logs",
        f"{shop}.FUNCTION public.g(integer)",
    ]
