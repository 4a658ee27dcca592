"""Whole rows that stand for a key can be compared."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.identity_equality import IdentityEquality


class TestIdentityEquality(PrecheckContract):
    plugin = IdentityEquality


@pytest.mark.parametrize("case", load_cases("identity_equality.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(IdentityEquality, case)
