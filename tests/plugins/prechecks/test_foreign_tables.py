"""Rows of foreign tables can be reached from the target, too."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.foreign_tables import ForeignTables


class TestForeignTables(PrecheckContract):
    plugin = ForeignTables


@pytest.mark.parametrize("case", load_cases("foreign_tables.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(ForeignTables, case)
