"""What is done is remembered by the target, in the transaction that did it."""

import pytest

from dtsrun import marks
from dtsrun.api import Failure, StepResult
from dtsrun.postgres.session import connect


@pytest.fixture
def target(target_route, fresh_database):
    with connect(target_route, fresh_database(target_route)) as connection:
        yield connection


def test_a_mark_and_its_work_are_there_together_or_not_at_all(target):
    marks.prepare(target)
    target.execute("create table public.work (n int)")
    with pytest.raises(RuntimeError), target.transaction():
        target.execute("insert into public.work values (1)")
        marks.write(target, "t", "s", 1, StepResult(rows=1))
        raise RuntimeError("killed")
    assert marks.read(target, "t", "s") is None
    assert target.execute("select count(*) as n from public.work").fetchone().n == 0


def test_marks_come_back_by_step(target):
    marks.prepare(target)
    marks.write(target, "t", "a", 2, StepResult(rows=3, bytes=9, detail={"done": [1]}))
    marks.write(target, "t", "b", 0, StepResult(failures=(Failure(object="v", message="no"),), detail={"done": [2]}))
    marks.write(target, "another", "a", 1, StepResult())
    found = marks.read_all(target, "t")
    assert found["a"] == marks.Mark("a", True, 2, 3, 9, {"done": [1]})
    assert not found["b"].done
    assert set(found) == {"a", "b"}


def test_a_step_that_had_failures_is_done_once_it_has_none(target):
    marks.prepare(target)
    marks.write(target, "t", "a", 1, StepResult(failures=(Failure(object="v", message="no"),)))
    marks.write(target, "t", "a", 1, StepResult())
    assert marks.read(target, "t", "a").done


def test_a_database_without_marks_has_none(target):
    assert marks.read_all(target, "t") == {}
    marks.remove(target, "t")


def test_preparing_twice_is_harmless(target):
    marks.prepare(target)
    marks.prepare(target)


def test_the_schema_goes_with_the_last_tasks_marks(target):
    marks.prepare(target)
    marks.write(target, "one", "a", 1, StepResult())
    marks.write(target, "two", "a", 1, StepResult())
    marks.remove(target, "one")
    assert set(marks.read_all(target, "two")) == {"a"}
    marks.remove(target, "two")
    assert target.execute("select to_regnamespace('_dtsrun') as s").fetchone().s is None
