"""No partition is a foreign table."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.foreign_partitions import ForeignPartitions


class TestForeignPartitions(PrecheckContract):
    plugin = ForeignPartitions


@pytest.mark.parametrize("case", load_cases("foreign_partitions.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(ForeignPartitions, case)
