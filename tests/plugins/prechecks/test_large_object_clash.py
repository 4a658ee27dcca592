"""The target has no large objects of the same numbers."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.large_object_clash import LargeObjectClash


class TestLargeObjectClash(PrecheckContract):
    plugin = LargeObjectClash


@pytest.mark.parametrize("case", load_cases("large_object_clash.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(LargeObjectClash, case)
