"""The stage `complete` asks the kinds what they have left for the end."""

from types import SimpleNamespace

from dtsrun.api import Step
from dtsrun.testing.contracts import StageContract
from dtsrun_plugins.stages.complete import Complete


class TestComplete(StageContract):
    plugin = Complete


class Silent:
    def steps(self, stage, context):
        return ()


class Speaking:
    def steps(self, stage, context):
        return [Step(key=f"server/{stage}/it", stage=stage, plugin="object.speaking", action="it")]


def test_it_runs_the_last_steps_of_the_kinds():
    steps = Complete().plan(SimpleNamespace(kinds=[Silent(), Speaking()]))
    assert [step.key for step in steps] == ["server/complete/it"]


def test_without_such_steps_it_has_none():
    assert list(Complete().plan(SimpleNamespace(kinds=[Silent()]))) == []
