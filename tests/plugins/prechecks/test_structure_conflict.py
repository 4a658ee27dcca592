"""The target has no objects of the same names."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.structure_conflict import StructureConflict


class TestStructureConflict(PrecheckContract):
    plugin = StructureConflict


@pytest.mark.parametrize("case", load_cases("structure_conflict.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(StructureConflict, case)
