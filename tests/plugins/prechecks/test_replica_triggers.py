"""No trigger fires again when a change is applied."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.replica_triggers import ReplicaTriggers


class TestReplicaTriggers(PrecheckContract):
    plugin = ReplicaTriggers


@pytest.mark.parametrize("case", load_cases("replica_triggers.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(ReplicaTriggers, case)
