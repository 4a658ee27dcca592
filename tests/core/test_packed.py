"""Promises of packed steps: they read as if they were not packed, and are small."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest

from dtsrun.api import Step, entry_name
from dtsrun.packed import PackedArgs, PackedNames, packed, unpacked
from dtsrun.plan import Plan, _resolved


def step(count: int, number: int = 1, **more) -> Step:
    entries = [
        {"id": i, "label": f"TABLE public.t_{i}", "after": [3], "sql": [f"create table t_{i} (\n    id int\n)"] * 2}
        for i in range(number * count, number * count + count)
    ]
    return Step(
        key=f"shop/structure/{number:04}",
        stage="structure",
        plugin="stage.structure",
        action="restore",
        database="shop",
        args={"entries": entries, "of": "shop"},
        provides=tuple(entry_name("shop", entry["id"]) for entry in entries),
        **more,
    )


class TestArguments:
    def test_they_read_like_a_dictionary(self):
        plain = step(200)
        args = packed(plain).args
        assert isinstance(args, PackedArgs)
        assert (args, {**args}, list(args), len(args)) == (plain.args, plain.args, ["entries", "of"], 2)
        assert args["entries"][199]["label"] == "TABLE public.t_399"
        assert ("entries" in args, "tables" in args, args.get("tables", "none")) == (True, False, "none")
        assert repr(args) == repr(plain.args)
        with pytest.raises(KeyError):
            args["tables"]

    def test_few_stay_as_they_are(self):
        plain = step(2)
        assert packed(plain).args is plain.args

    def test_a_step_is_packed_once_and_unpacked_to_run(self):
        plain = step(200)
        once = packed(plain)
        assert packed(once).args is once.args
        assert packed(once).provides is once.provides
        assert unpacked(once).args == plain.args
        assert type(unpacked(once).args) is dict
        assert unpacked(plain) is plain

    def test_what_changes_a_step_sees_all_of_them(self):
        changed = replace(packed(step(200)), args={**packed(step(200)).args, "of": "other"})
        assert changed.args == {**step(200).args, "of": "other"}


class TestNames:
    def test_they_read_like_a_tuple(self):
        plain = step(200).provides
        names = packed(step(200)).provides
        assert isinstance(names, PackedNames)
        assert (tuple(names), len(names), names[-1], names[:2]) == (plain, 200, plain[-1], list(plain[:2]))
        assert ("shop/entry/399" in names, "shop/entry/1" in names, names == plain) == (True, False, True)
        assert (*names, "x") == (*plain, "x")

    def test_hostile_names_come_back(self):
        names = ("a\nb", 'c"d', "", "ö", "\udc80") * 4
        assert tuple(PackedNames(names)) == names


def test_a_plan_of_packed_steps_is_the_same_plan():
    plain = [step(200, 1), step(200, 2, needs=tuple(entry_name("shop", i) for i in range(200, 400)))]
    ours, others = _resolved(map(packed, plain)), _resolved(plain)
    assert ours.steps["shop/structure/0002"].after == ("shop/structure/0001",)
    assert (ours.digest, ours.order) == (others.digest, others.order)
    assert ours.as_data() == others.as_data()
    assert Plan.from_data(ours.as_data()).digest == others.digest


def test_a_table_takes_little_memory():
    tracemalloc.start()
    try:
        kept = [packed(step(200, number)) for number in range(50)]
        assert tracemalloc.get_traced_memory()[0] / (len(kept) * 200) < 100  # bytes, of some 1,200
    finally:
        tracemalloc.stop()
