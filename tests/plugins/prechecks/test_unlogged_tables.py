"""No unlogged tables: their changes cannot be followed."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.unlogged_tables import UnloggedTables


class TestUnloggedTables(PrecheckContract):
    plugin = UnloggedTables


@pytest.mark.parametrize("case", load_cases("unlogged_tables.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(UnloggedTables, case)
