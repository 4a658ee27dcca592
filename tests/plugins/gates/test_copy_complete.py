"""The copy is complete."""

from dtsrun.testing.contracts import GateContract
from dtsrun_plugins.gates.copy_complete import CopyComplete


class TestCopyComplete(GateContract):
    plugin = CopyComplete


def test_all_done_passes(shop):
    assert shop.found(CopyComplete) == []


def test_each_step_that_is_not_done_is_named(shop):
    steps = ["build index public.orders_date: disk full", "copy public.items"]
    assert shop.said(CopyComplete, open_steps=steps) == [f"not done: {step}" for step in steps]
    assert shop.found(CopyComplete, open_steps=steps)[0].subject == "build index public.orders_date"
