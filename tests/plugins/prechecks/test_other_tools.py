"""No other tool has its triggers in the source."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.other_tools import OtherTools


class TestOtherTools(PrecheckContract):
    plugin = OtherTools


@pytest.mark.parametrize("case", load_cases("other_tools.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(OtherTools, case)
