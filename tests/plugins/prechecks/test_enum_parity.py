"""Enum types that are left as they are on the target have the source's labels."""

import pytest

from dtsrun.api import SkipCheck
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.enum_parity import EnumParity


class TestEnumParity(PrecheckContract):
    plugin = EnumParity


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
            return list(EnumParity().check(context))

    return look


def test_the_same_labels_and_further_ones_pass(found):
    assert found("create type public.e as enum ('a', 'b')", "create type public.e as enum ('a', 'x', 'b')") == []


def test_a_missing_label_is_named_and_the_fix_adds_it(found):
    (finding,) = found("create type public.e as enum ('a', 'it''s')", "create type public.e as enum ('a')")
    assert finding.message == "enum public.e lacks the labels it's on the target"
    assert finding.fix.sql == ("""ALTER TYPE "public"."e" ADD VALUE 'it''s'""",)


def test_another_order_is_a_finding(found):
    (finding,) = found("create type public.e as enum ('a', 'b')", "create type public.e as enum ('b', 'a')")
    assert finding.message == "enum public.e has its labels in another order on the target"
    assert finding.observed == "b, a"


def test_where_nothing_is_left_there_is_nothing_to_compare(found):
    with pytest.raises(SkipCheck):
        found("create type public.e as enum ('a')", "create type public.e as enum ('b')", on_conflict="fail")
