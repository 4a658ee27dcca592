"""A plan is data: every edge resolved, printable, and the same after a round trip."""

import json

import pytest

from dtsrun.api import Lane, MigrationType, Step, entry_name, rows_name
from dtsrun.errors import MigrationError
from dtsrun.plan import Plan, _resolved, _with_late_edges, _with_structure_edges


def step(key, **fields):
    return Step(
        **{"stage": "full", "plugin": "object.tables", "action": "copy", "database": "shop", **fields, "key": key}
    )


def planned(*steps, kind=MigrationType.FULL):
    return _with_structure_edges(_resolved(_with_late_edges(steps, kind)))


def test_needs_wait_for_every_step_that_provides_the_name():
    parent = rows_name("shop", 1)
    plan = planned(step("p1", provides=(parent,)), step("p2", provides=(parent,)), step("fk", needs=(parent,)))
    assert plan.steps["fk"].after == ("p1", "p2")


def test_a_name_that_nobody_provides_is_fine():
    plan = planned(step("a", needs=(entry_name("shop", 99),)))
    assert plan.steps["a"].after == ()


def test_a_step_does_not_wait_for_itself():
    plan = planned(step("a", provides=("x",), needs=("x",)))
    assert plan.steps["a"].after == ()


def test_waiting_for_an_unknown_step_is_an_error_that_names_both():
    with pytest.raises(MigrationError, match="step 'a' waits for 'gone'"):
        planned(step("a", after=("gone",)))


def test_two_steps_of_one_key_are_an_error():
    with pytest.raises(MigrationError, match="two steps have the key 'a'"):
        planned(step("a"), step("a"))


def test_a_circle_is_an_error_that_names_it():
    with pytest.raises(MigrationError, match="wait for each other: a -> b -> a"):
        planned(step("a", after=("b",)), step("b", after=("a",)))


def test_verification_waits_for_all_of_its_database_and_completion_for_everything():
    plan = planned(
        step("roles", stage="structure", database=None),
        step("shop/a"),
        step("hr/a", database="hr"),
        step("shop/verify", stage="verify"),
        step("done", stage="complete", database=None),
    )
    assert set(plan.steps["shop/verify"].after) == {"roles", "shop/a"}
    assert set(plan.steps["done"].after) == {"roles", "shop/a", "hr/a", "shop/verify"}


def test_a_verification_that_says_what_it_needs_waits_for_that_alone():
    plan = planned(step("a", provides=("rows",)), step("b"), step("v", stage="verify", needs=("rows",)))
    assert plan.steps["v"].after == ("a",)


def test_a_plan_survives_the_journal():
    plan = planned(
        step("a", provides=("x",), lane=Lane.COPY, args={"columns": ["é"]}, locks=("t",)), step("b", needs=("x",))
    )
    again = Plan.from_data(json.loads(json.dumps(plan.as_data())))
    assert again.steps == plan.steps
    assert (again.order, again.digest) == (plan.order, plan.digest)


def test_what_many_wait_for_is_said_once_and_read_back():
    copies = [step(f"copy {n}") for n in range(20)]
    plan = planned(*copies, *(step(f"verify {n}", stage="verify") for n in range(30)))
    records = json.loads(json.dumps(list(plan.records())))
    assert sum(len(record["after"]) for record in records) == len(copies)
    again = Plan.from_data(records)
    assert again.steps == plan.steps
    assert (again.order, again.digest) == (plan.order, plan.digest)
    assert len({id(each.after) for each in again.steps.values() if each.stage == "verify"}) == 1


def test_one_stage_alone_stands_without_the_others():
    plan = planned(
        step("a", provides=("x",)), step("v", stage="verify", needs=("x",)), step("w", stage="verify", after=("v",))
    )
    verify = plan.only("verify")
    assert verify.order == ("v", "w")
    assert verify.steps["v"].after == ()
    assert verify.steps["w"].after == ("v",)


def test_a_plan_is_walked_in_two_parts_without_losing_a_step():
    plan = planned(step("rows"), step("index", stage="indexes", after=("rows",)), step("look", stage="verify"))
    early, late = plan.without("verify", "complete"), plan.only("verify", "complete")
    assert (early.order, late.order) == (("rows", "index"), ("look",))
    assert early.steps["index"].after == ("rows",)
    assert late.steps["look"].after == ()


def test_rows_and_indexes_wait_for_the_whole_structure_of_their_database_and_no_other():
    plan = planned(
        step("shop/create", stage="structure", provides=(entry_name("shop", 1),)),
        step("shop/attach", stage="structure", after=("shop/create",)),
        step("hr/create", stage="structure", database="hr"),
        step("shop/copy", needs=(entry_name("shop", 1),)),
        step("shop/index", stage="indexes"),
    )
    assert set(plan.steps["shop/copy"].after) == {"shop/create", "shop/attach"}
    assert plan.steps["shop/index"].after == ("shop/attach",)


def test_changes_are_followed_when_all_of_their_database_is_built_and_verified_when_all_is_aligned():
    plan = planned(
        step("roles", database=None, stage="structure"),
        step("shop/a"),
        step("hr/a", database="hr"),
        step("shop/follow", stage="incremental"),
        step("hr/follow", stage="incremental", database="hr"),
        step("shop/align", stage="complete"),
        step("shop/verify", stage="verify"),
        kind=MigrationType.FULL_INCREMENTAL,
    )
    assert set(plan.steps["shop/follow"].after) == {"roles", "shop/a"}
    assert set(plan.steps["shop/align"].after) == {"roles", "shop/a", "hr/a", "shop/follow", "hr/follow"}
    assert set(plan.steps["shop/verify"].after) == {"roles", "shop/a", "shop/follow", "shop/align"}
