"""A plan before anything runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dtsrun.api import (
    Database,
    Endpoint,
    Inventory,
    Lane,
    MigrationType,
    Resources,
    Selection,
    ServerFacts,
    Spec,
    Step,
    TaskSettings,
)
from dtsrun.plan import Plan
from dtsrun.report.plan_text import MOST_STEPS, MOST_TABLES, plan_data, plan_text

MB = 1024 * 1024
SAID = "4 tables and 2 indexes at once (as the spec says)"


def step(key: str, stage: str = "full", lane: Lane = Lane.COPY, **more: Any) -> Step:
    values: dict[str, Any] = {"plugin": "object.tables", "action": "copy", "database": "shop", "title": f"copy {key}"}
    return Step(key=key, stage=stage, lane=lane, **{**values, **more})


def planned(*steps: Step) -> Plan:
    return Plan({s.key: s for s in steps}, tuple(s.key for s in steps), resources_said=SAID)


@pytest.fixture
def spec() -> Spec:
    ends = {
        side: Endpoint(side=side, access_type="service", access={}, account=None, password=None, region=None)  # type: ignore[arg-type]
        for side in ("source", "target")
    }
    return Spec(
        path=Path("shop.yaml"),
        task=TaskSettings(name="shop-to-cloud"),
        source=ends["source"],
        target=ends["target"],
        migration_type=MigrationType.FULL,
        selection=Selection(entire_instance=True),
        resources=Resources(copy=4, index=2),
    )


@pytest.fixture
def inventory() -> Inventory:
    facts = ServerFacts(
        version=160014, version_text="16.14", current_user="u", is_superuser=True, bootstrap_role="postgres"
    )
    database = Database(
        name="shop",
        target="shop_eu",
        owner="o",
        encoding="UTF8",
        is_template=False,
        bytes=900 * MB,
        entries={},
        relations={},
    )
    return Inventory(server=facts, databases={"shop": database}, left_out=("extension pg_cron: excluded",), digest="d")


@pytest.fixture
def plan() -> Plan:
    return planned(
        step("s", "structure", Lane.STRUCTURE, plugin="stage.structure", title="tables"),
        step("a", size=300 * MB, after=("s",)),
        step("b", size=500 * MB, after=("s",)),
        step("i", "indexes", Lane.INDEX, after=("a", "b"), locks=("shop/a",), title="index a"),
        step("j", "indexes", Lane.INDEX, after=("a",), locks=("shop/a",), title="index b"),
        step("v", "verify", Lane.VERIFY, size=300 * MB, after=("i", "j"), title="compare a"),
    )


def section_of(text: str, title: str) -> list[str]:
    return text.split(f"\n{title}\n")[1].split("\n\n")[0].splitlines()


def test_the_first_lines_say_what_and_how_much(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    lines = plan_text(spec, inventory, plan).splitlines()
    assert lines[0] == "shop-to-cloud: 6 steps, 800 MB to copy"
    assert "  database  shop as shop_eu, 900 MB, 0 definitions" in lines
    assert f"  plan      {plan.digest[:12]}" in lines


def test_stages_have_counts_sizes_and_plugins(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    assert section_of(plan_text(spec, inventory, plan), "Stages") == [
        "  stage      steps   reads  of plugins",
        "  structure      1       -  stage.structure (1)",
        "  full           2  800 MB  object.tables (2)",
        "  indexes        2       -  object.tables (2)",
        "  verify         1  300 MB  object.tables (1)",
    ]


def test_lanes_say_how_many_run_at_once(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    lanes = section_of(plan_text(spec, inventory, plan), "Lanes")
    assert lanes[1] == "  copy       2 steps  rows and large objects"
    assert lanes[-1] == "  4 tables and 2 indexes at once (as the spec says)"


def test_the_largest_tables_come_first(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    assert section_of(plan_text(spec, inventory, plan), "Largest tables") == [
        "  shop: copy b  500 MB",
        "  shop: copy a  300 MB",
    ]


def test_only_some_of_the_largest_are_named(spec: Spec, inventory: Inventory) -> None:
    many = planned(*(step(f"t{i}", size=i + 1) for i in range(MOST_TABLES + 5)))
    assert len(section_of(plan_text(spec, inventory, many), "Largest tables")) == MOST_TABLES


def test_the_order_says_what_waits(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    order = section_of(plan_text(spec, inventory, plan), "Order")
    assert order[1].split() == ["1", "structure", "shop:", "tables", "-"]
    assert order[4].split() == ["4", "indexes", "shop:", "index", "a", "-", "2", "steps"]


def test_a_long_order_is_cut_unless_all_is_asked_for(spec: Spec, inventory: Inventory) -> None:
    many = planned(*(step(f"t{i}") for i in range(MOST_STEPS + 7)))
    order = section_of(plan_text(spec, inventory, many), "Order")
    assert len(order) == MOST_STEPS + 2
    assert order[-1] == "  and 7 steps more (--all lists them)"
    assert len(section_of(plan_text(spec, inventory, many, every_step=True), "Order")) == MOST_STEPS + 8


def test_locks_are_explained_for_both_ends_and_counted(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    locks = "\n".join(section_of(plan_text(spec, inventory, plan), "Locks"))
    assert "source: reading the definitions and copying take ACCESS SHARE" in locks
    assert "SHARE ROW EXCLUSIVE" in locks
    assert "that concerns 1 object here" in locks


def test_what_is_not_moved_is_said(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    assert plan_text(spec, inventory, plan).endswith("Not moved (1)\n  - extension pg_cron: excluded")


def test_a_step_without_a_title_goes_by_its_key(spec: Spec, inventory: Inventory) -> None:
    text = plan_text(spec, inventory, planned(step("server/structure/roles", title="", database=None)))
    assert "server/structure/roles" in text


def test_a_plan_without_steps_is_a_plan(spec: Spec, inventory: Inventory) -> None:
    assert plan_text(spec, inventory, planned()).startswith("shop-to-cloud: 0 steps, 0 B to copy")


def test_the_plan_for_programs_can_be_read_back(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    data = json.loads(json.dumps(plan_data(spec, inventory, plan)))
    assert (data["task"], data["copy_at_once"], data["index_at_once"]) == ("shop-to-cloud", 4, 2)
    assert Plan.from_data(data["steps"]).steps == plan.steps


def test_the_formats_of_tables_are_said(spec: Spec, inventory: Inventory, plan: Plan) -> None:
    assert "Formats" not in plan_text(spec, inventory, plan)
    formats = planned(
        step("a", args={"format": "binary"}),
        step("b", args={"tables": [{"format": "binary"}, {"format": "binary"}]}),
        step("c", args={"schema": "s", "name": "c", "format_reason": "column r (regclass) has no binary form"}),
    )
    lines = plan_text(spec, inventory, formats).splitlines()
    assert "  3 tables in binary" in lines
    assert any("shop: s.c as text: column r (regclass) has no binary form" in line for line in lines)
