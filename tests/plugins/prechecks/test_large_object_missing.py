"""Every reference to a large object leads somewhere."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.large_object_missing import LargeObjectMissing


class TestLargeObjectMissing(PrecheckContract):
    plugin = LargeObjectMissing


@pytest.mark.parametrize("case", load_cases("large_object_missing.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(LargeObjectMissing, case)
