"""What only a superuser may create is created by one."""

import pytest

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.superuser_objects import SuperuserObjects


class TestSuperuserObjects(PrecheckContract):
    plugin = SuperuserObjects


ORDINARY = """
create type public.mood as enum ('good', 'bad');
create function public.plain(int) returns int language plpgsql as 'begin return 1; end';
comment on function public.plain(int) is 'LANGUAGE c LEAKPROOF'
"""

SPECIAL = """
create function public.absolute(int) returns int language internal as 'int4abs';
comment on function public.absolute(int) is 'of a value';
create function public.tight(int) returns int language sql leakproof as 'select 1';
create publication everything for all tables;
create type public.pair as (a int);
create cast (public.pair as text) with inout;
create operator family public.family using btree
"""


@pytest.fixture
def database(source_route, fresh_database):
    def make(statements):
        name = fresh_database(source_route)
        with connect(source_route, name) as connection:
            for statement in statements:
                connection.execute(statement.encode())
        return name

    return make


def found(source, target, name):
    with FakeCheckContext(source=source, target=target, databases=[name]) as context:
        return {f.message for f in SuperuserObjects().check(context)}


def test_a_superuser_creates_everything(source_route, target_route, database):
    assert found(source_route, target_route, database(SPECIAL.split(";\n"))) == set()


def test_others_may_create_what_is_ordinary(source_route, target_route, route_of, database):
    ordinary = database(ORDINARY.split(";\n"))
    assert found(source_route, route_of(target_route), ordinary) == set()


def test_others_may_not_create_what_takes_a_superuser(source_route, target_route, route_of, database):
    assert found(source_route, route_of(target_route), database(SPECIAL.split(";\n"))) == {
        "only a superuser may create FUNCTION public.absolute(integer) (language internal)",
        "only a superuser may create FUNCTION public.tight(integer) (leakproof)",
        "only a superuser may create PUBLICATION everything (publication)",
        "only a superuser may create OPERATOR FAMILY public.family (operator family)",
    }
