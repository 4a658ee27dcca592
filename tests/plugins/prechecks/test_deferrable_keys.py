"""Primary keys that tell rows are not deferrable."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.deferrable_keys import DeferrableKeys


class TestDeferrableKeys(PrecheckContract):
    plugin = DeferrableKeys


@pytest.mark.parametrize("case", load_cases("deferrable_keys.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(DeferrableKeys, case)
