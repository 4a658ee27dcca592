"""No event trigger of the target takes part in the work."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.target_event_triggers import TargetEventTriggers


class TestTargetEventTriggers(PrecheckContract):
    plugin = TargetEventTriggers


@pytest.mark.parametrize("case", load_cases("target_event_triggers.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(TargetEventTriggers, case)
