"""A whole instance moves to an empty one."""

import pytest

from dtsrun.api import SkipCheck
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.empty_target import EmptyTarget


class TestEmptyTarget(PrecheckContract):
    plugin = EmptyTarget


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(EmptyTarget().check(context))


def test_a_database_of_others_is_an_alarm(source_route, target_route, fresh_database):
    crm = fresh_database(target_route)
    ours = fresh_database(source_route)
    with FakeCheckContext(source=source_route, databases=[ours]) as context:
        inventory = context.inventory
    (finding,) = [f for f in found(source_route, target_route, inventory=inventory) if crm in f.message]
    assert finding.message == f"the target holds database {crm}, which the source does not have"
    assert finding.fix.sql == (f'DROP DATABASE "{crm}"',)


def test_a_database_of_the_same_name_is_another_checks_matter(source_route, target_route, fresh_database):
    ours = fresh_database(source_route)
    fresh_database(target_route, name=ours)
    with FakeCheckContext(source=source_route, databases=[ours]) as context:
        inventory = context.inventory
    assert [f for f in found(source_route, target_route, inventory=inventory) if ours in f.message] == []


def test_chosen_databases_may_go_beside_others(source_route, target_route, fresh_database):
    with pytest.raises(SkipCheck):
        found(source_route, target_route, databases=[fresh_database(source_route)])
