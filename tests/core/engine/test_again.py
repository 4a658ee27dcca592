"""Tables are copied anew by steps that say of each what its first copy said."""

from dataclasses import replace
from typing import Any

from dtsrun.api import Lane, LinkTable, Step, own_rows_name
from dtsrun.engine.again import Copied, copied_anew, tables_of, without_copies
from dtsrun.engine.live_plan import live_plan
from dtsrun.engine.repairing import Now, with_copies
from dtsrun.incremental.identities import Decision
from dtsrun.plan import Plan


def said(name: str) -> dict[str, Any]:
    return {"schema": "public", "name": name, "columns": ["id"], "encoding": "UTF8"}


def step(key: str, stage: str, **more: Any) -> Step:
    return Step(
        key=key, stage=stage, action="run", database="shop", lane=Lane.COPY, **{"plugin": "object.tables", **more}
    )


def plan_of(**tables: int) -> Plan:
    """A plan that copies tables in one batch, follows and compares them."""
    batch = step(
        "shop/full/tables 0001",
        "full",
        args={"tables": [said(name) for name in tables]},
        provides=tuple(own_rows_name("shop", oid) for oid in tables.values()),
    )
    links = [{"oid": oid, "schema": "public", "name": name, "identity": "key"} for name, oid in tables.items()]
    follow = step("shop/incremental/follow", "incremental", plugin="stage.incremental", args={"tables": links})
    compare = [step(f"shop/verify/{name}", "verify", args={"oid": oid}) for name, oid in tables.items()]
    return Plan({}, ()).with_steps([batch, follow, *compare])


def copies(plan: Plan) -> dict[int, str]:
    return {oid: args["name"] for each in plan.steps.values() for oid, args in tables_of(each)}


def lost(*oids: int) -> dict[str, frozenset[int]]:
    return {"shop": frozenset(oids)}


def test_a_table_out_of_a_batch_leaves_what_is_said_of_the_others() -> None:
    once = copied_anew(plan_of(a=1, b=2, c=3), lost(2), {"shop": 2})
    assert copies(once) == {1: "a", 2: "b", 3: "c"}
    twice = copied_anew(once, lost(2, 3), {"shop": 3})
    assert copies(twice) == {1: "a", 2: "b", 3: "c"}
    assert "shop/full/public.c anew in epoch 3" in twice.steps["shop/incremental/follow"].after


def test_a_table_that_nothing_copied_has_no_epoch() -> None:
    assert {oid for own in Copied.of(without_copies(plan_of(a=1, b=2), lost(1))).tables_of.values() for oid in own} == {
        2
    }


def test_a_new_table_comes_into_the_plan_with_all_that_is_to_be_done_of_it() -> None:
    new = LinkTable(oid=9, schema="public", name="z")
    now = Now(plan=plan_of(a=1, z=9), decisions=lambda database: [Decision(table=new)])
    planned = with_copies(plan_of(a=1, b=2), now, lost(9), {"shop": 2}, keeps_rest=False)
    assert copies(planned) == {1: "a", 2: "b", 9: "z"}
    assert planned.steps["shop/full/public.z anew in epoch 2"].action == "copy_repaired"
    assert [t["oid"] for t in planned.steps["shop/incremental/follow"].args["tables"]] == [1, 2, 9]
    assert {key for key in planned.steps if "/verify/" in key} == {"shop/verify/a", "shop/verify/z"}
    kept = with_copies(plan_of(a=1, b=2), now, lost(9), {"shop": 2}, keeps_rest=True)
    assert {key for key in kept.steps if "/verify/" in key} == {"shop/verify/a", "shop/verify/b", "shop/verify/z"}


def test_what_no_slot_carries_is_not_compared_live() -> None:
    compare = [step(f"shop/verify/{oid}", "verify", args={"oid": oid}) for oid in (1, 2)]
    plan = Plan({}, ()).with_steps(
        [*(s for s in compare), step("shop/verify/seq", "verify", plugin="object.sequences")]
    )
    rows = plan.with_steps(
        replace(s, action="compare_rows") if s.plugin == "object.tables" else s for s in plan.steps.values()
    )
    live = live_plan(rows, {("shop", 1): "dtsrun_1"}, (), {"shop"})
    assert [(s.action, s.args["slot"], s.transactional) for s in live.plan.steps.values()] == [
        ("compare_rows_live", "dtsrun_1", False)
    ]
    assert live.left_out == {"tables whose changes are not followed", "sequences"}
