"""No other task is at work in the target's databases."""

import psycopg
import pytest

from dtsrun import marks
from dtsrun.api import StepResult
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.leftover_marks import LeftoverMarks


class TestLeftoverMarks(PrecheckContract):
    plugin = LeftoverMarks


@pytest.fixture
def shop(source_route, target_route, fresh_database):
    return fresh_database(target_route, name=fresh_database(source_route))


def mark(route, database, task):
    with connect(route, database) as connection:
        marks.prepare(connection)
        marks.write(connection, task, f"{database}/full/t", 1, StepResult())


def test_a_target_without_marks_passes(found, source_route, target_route, shop):
    assert found(LeftoverMarks, source_route, target_route, databases=[shop]) == []


def test_a_database_that_is_not_there_yet_passes(found, source_route, target_route, fresh_database):
    assert found(LeftoverMarks, source_route, target_route, databases=[fresh_database(source_route)]) == []


def test_our_own_marks_pass(found, source_route, target_route, shop):
    mark(target_route, shop, "test")
    assert found(LeftoverMarks, source_route, target_route, databases=[shop]) == []


def test_those_of_another_task_are_an_alarm_that_names_it(found, source_route, target_route, shop):
    mark(target_route, shop, "nightly")
    (finding,) = found(LeftoverMarks, source_route, target_route, databases=[shop])
    assert finding.message == f"task nightly has 1 finished steps in database {shop} of the target"
    assert finding.fix.text.endswith("dtsrun delete nightly")


def test_marks_that_may_not_be_read_are_not_a_pass(found, source_route, target_route, route_of, shop):
    mark(target_route, shop, "nightly")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        found(LeftoverMarks, source_route, route_of(target_route), databases=[shop])
