"""Tables that are left as they are on the target have the source's columns."""

import pytest

from dtsrun.api import SkipCheck
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.column_parity import ColumnParity


class TestColumnParity(PrecheckContract):
    plugin = ColumnParity


@pytest.fixture
def found(source_route, target_route, fresh_database):
    def look(there, here, on_conflict="skip"):
        name = fresh_database(source_route)
        fresh_database(target_route, name=name)
        for route, statement in ((source_route, there), (target_route, here)):
            with connect(route, name) as connection:
                connection.execute(statement.encode())
        spec = make_spec({name: name}, on_conflict=on_conflict)
        with FakeCheckContext(source=source_route, target=target_route, spec=spec) as context:
            return list(ColumnParity().check(context))

    return look


def test_equal_tables_and_columns_that_do_no_harm_pass(found):
    there = "create table public.t (id int, x numeric(12,2))"
    here = "create table public.t (x numeric(12,2), id int, extra int, filled int not null default 1)"
    assert found(there, here) == []


def test_tables_that_are_only_on_one_end_pass(found):
    assert found("create table public.a (id int)", "create table public.b (id int)") == []


def test_every_column_that_differs_is_named(found):
    there = "create table public.t (id int, x numeric(12,2), gone text)"
    here = "create table public.t (id int, x integer, own int not null)"
    assert [finding.message for finding in found(there, here)] == [
        "column x of public.t is numeric(12,2) on the source and integer on the target",
        "column gone of public.t is missing on the target",
        "column own of public.t is only on the target, and must have a value",
    ]


def test_where_nothing_is_left_there_is_nothing_to_compare(found):
    with pytest.raises(SkipCheck):
        found("create table public.t (id int)", "create table public.t (id text)", on_conflict="drop")
