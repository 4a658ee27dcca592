"""No sequence is about to run out of values."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.sequence_exhaustion import SequenceExhaustion


class TestSequenceExhaustion(PrecheckContract):
    plugin = SequenceExhaustion


@pytest.mark.parametrize("case", load_cases("sequence_exhaustion.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(SequenceExhaustion, case)
