"""Large tables are not told by whole rows."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.identity_full import IdentityFull


class TestIdentityFull(PrecheckContract):
    plugin = IdentityFull


@pytest.mark.parametrize("case", load_cases("identity_full.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(IdentityFull, case)
