"""No sequence is behind the column that it feeds."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.sequence_behind_data import SequenceBehindData


class TestSequenceBehindData(PrecheckContract):
    plugin = SequenceBehindData


@pytest.mark.parametrize("case", load_cases("sequence_behind_data.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(SequenceBehindData, case)
