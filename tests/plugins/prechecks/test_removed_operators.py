"""Operators and aggregates are of a form that the target takes."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.removed_operators import RemovedOperators


class TestRemovedOperators(PrecheckContract):
    plugin = RemovedOperators


@pytest.mark.parametrize("case", load_cases("removed_operators.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(RemovedOperators, case)
