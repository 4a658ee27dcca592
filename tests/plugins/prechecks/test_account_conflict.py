"""The target has no roles of the same names."""

import pytest

from dtsrun.api import Severity, SkipCheck
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.account_conflict import AccountConflict


class TestAccountConflict(PrecheckContract):
    plugin = AccountConflict


def found(source, target, on_conflict="fail"):
    with FakeCheckContext(source=source, target=target, spec=make_spec({}, on_conflict=on_conflict)) as context:
        return list(AccountConflict().check(context))


def test_roles_that_the_target_does_not_have_pass(source_route, target_route, fresh_role):
    fresh_role(source_route)
    assert found(source_route, target_route) == []


def test_a_role_of_the_same_name_fails_and_the_fix_renames_it(source_route, target_route, fresh_role):
    name = fresh_role(source_route)
    fresh_role(target_route, name=name)
    (finding,) = found(source_route, target_route)
    assert finding.severity is Severity.FAIL
    assert finding.fix.sql == (f'ALTER ROLE "{name}" RENAME TO "{name}_old"',)


def test_it_is_an_alarm_where_doubles_are_skipped(source_route, target_route, fresh_role):
    name = fresh_role(source_route)
    fresh_role(target_route, name=name)
    assert [finding.severity for finding in found(source_route, target_route, "skip")] == [Severity.ALARM]


def test_it_is_skipped_where_no_roles_move(source_route, target_route, fresh_database):
    database = fresh_database(source_route)
    context = FakeCheckContext(source=source_route, target=target_route, databases=[database])
    with context, pytest.raises(SkipCheck):
        list(AccountConflict().check(context))
