"""Inheritance children keep the order of their columns."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.inheritance_columns import InheritanceColumns


class TestInheritanceColumns(PrecheckContract):
    plugin = InheritanceColumns


@pytest.mark.parametrize("case", load_cases("inheritance_columns.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(InheritanceColumns, case)
