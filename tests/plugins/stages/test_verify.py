"""The stage `verify` plans the comparison of all that was moved."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from dtsrun.api import (
    Database,
    DatabaseSelection,
    Entry,
    Lane,
    MigrationType,
    Pattern,
    Section,
    Selection,
    Step,
    StepContext,
)
from dtsrun.testing.contracts import StageContract
from dtsrun_plugins.stages.verify import Verify


class TestVerify(StageContract):
    plugin = Verify


def entry(number, label, **fields):
    kind, _, name = label.partition(" ")
    schema, _, name = name.rpartition(".")
    return Entry(
        **{
            "id": number,
            "type": kind,
            "schema": schema or None,
            "name": name,
            "owner": "joe",
            "sql": f"CREATE {label};",
            "drop_sql": "",
            "catalog": 0,
            "oid": number,
            "tablespace": None,
            "access_method": None,
            "relkind": None,
            "section": Section.PRE_DATA,
            "depends_on": (),
            "kind": "object.tables",
            **fields,
        }
    )


ENTRIES = (entry(1, "TABLE public.orders"), entry(2, "COMMENT public.x", depends_on=(1,)), entry(3, "VIEW public.v"))

SHOP = Database(
    name="shop",
    target="shop_eu",
    owner="joe",
    encoding="UTF8",
    is_template=False,
    bytes=1,
    entries={e.id: e for e in ENTRIES},
    relations={},
)


class Rows:
    """A kind with a step of its own."""

    name = "object.rows"

    def steps(self, stage, context):
        yield Step(key=f"shop/{stage}/rows", stage=stage, plugin=self.name, action="compare")


def planning(selection=None, *, on_conflict="fail", existing=(), mode="full", tablespaces=None):
    options = {"stage.verify": {"mode": mode}, "object.tablespaces": tablespaces or {"policy": "default", "map": {}}}
    return SimpleNamespace(
        spec=SimpleNamespace(
            selection=selection or Selection(entire_instance=True),
            on_conflict=on_conflict,
            migration_type=MigrationType.FULL,
        ),
        inventory=SimpleNamespace(databases={"shop": SHOP}),
        kinds=[Rows()],
        options=options.__getitem__,
        existing=lambda database: frozenset(existing),
    )


def definitions(context):
    return next(step for step in Verify().plan(context) if step.action == "definitions")


def chosen(**fields):
    return Selection(
        entire_instance=False, databases={"shop": DatabaseSelection(name="shop", target="shop_eu", **fields)}
    )


def test_definitions_are_compared_before_the_kinds_add_their_steps():
    assert [step.key for step in Verify().plan(planning())] == ["shop/verify/definitions", "shop/verify/rows"]


def test_a_comparison_leaves_no_mark_and_runs_whatever_failed_before():
    step = definitions(planning())
    assert not step.marked
    assert step.depends_softly
    assert step.lane is Lane.VERIFY
    assert (step.after, step.needs) == ((), ())


def test_a_whole_database_must_hold_nothing_else():
    assert definitions(planning()).args["labels"] is None
    assert definitions(planning(chosen())).args["labels"] is None


@pytest.mark.parametrize("how", ["include", "exclude"])
def test_of_a_part_only_what_was_selected_is_compared(how):
    context = planning(chosen(**{how: (Pattern(selector="table", text="public.orders"),)}))
    assert definitions(context).args["labels"] == ["COMMENT public.x", "TABLE public.orders", "VIEW public.v"]


def test_the_databases_name_on_the_target_is_told():
    assert definitions(planning()).args["rename"] == {"shop": "shop_eu"}


def test_tablespaces_are_expected_where_the_policy_puts_them():
    assert definitions(planning()).args["tablespaces"] == {}
    mapped = planning(tablespaces={"policy": "map", "map": {"fast": "nvme"}})
    assert definitions(mapped).args["tablespaces"] == {"fast": "nvme"}


def test_what_was_skipped_is_not_compared_nor_its_properties():
    skipped = planning(on_conflict="skip", existing=["TABLE public.orders"])
    assert definitions(skipped).args["ignore"] == ["COMMENT public.x", "TABLE public.orders"]
    dropped = planning(on_conflict="drop", existing=["TABLE public.orders"])
    assert definitions(dropped).args["ignore"] == []


def test_mode_none_compares_nothing():
    assert list(Verify().plan(planning(mode="none"))) == []


def compared(step, source, target):
    dumps = {"source": source, "target": target}
    context: StepContext = SimpleNamespace(
        step=step, dump=lambda side, database: dumps[side], facts=lambda side: SimpleNamespace(major=18)
    )
    return Verify().do_definitions(context)


def test_its_step_compares_the_definitions():
    step = definitions(planning(tablespaces={"policy": "map", "map": {"fast": "nvme"}}))
    table, comment, view = ENTRIES
    there = [replace(table, tablespace="nvme"), comment]

    result = compared(step, [replace(table, tablespace="fast"), comment, view], there)

    assert [(d.database, d.object, d.aspect) for d in result.differences] == [("shop", "VIEW public.v", "missing")]
    assert result.detail == {"definitions": 3}
