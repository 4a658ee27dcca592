"""No CHECK constraint reads other tables."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.check_functions import CheckFunctions


class TestCheckFunctions(PrecheckContract):
    plugin = CheckFunctions


@pytest.mark.parametrize("case", load_cases("check_functions.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(CheckFunctions, case)
