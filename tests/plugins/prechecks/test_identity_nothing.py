"""No table has REPLICA IDENTITY NOTHING."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.identity_nothing import IdentityNothing


class TestIdentityNothing(PrecheckContract):
    plugin = IdentityNothing


@pytest.mark.parametrize("case", load_cases("identity_nothing.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(IdentityNothing, case)
