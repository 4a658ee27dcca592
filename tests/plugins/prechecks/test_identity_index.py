"""The index that a replica identity names is still there."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.identity_index import IdentityIndex


class TestIdentityIndex(PrecheckContract):
    plugin = IdentityIndex


@pytest.mark.parametrize("case", load_cases("identity_index.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(IdentityIndex, case)
