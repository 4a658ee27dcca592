"""Inheritance children forbid nulls where their parents do."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.inherited_not_null import InheritedNotNull


class TestInheritedNotNull(PrecheckContract):
    plugin = InheritedNotNull


@pytest.mark.parametrize("case", load_cases("inherited_not_null.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(InheritedNotNull, case)
