"""Keys that tell rows take unlike texts for unlike."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.nondeterministic_keys import NondeterministicKeys


class TestNondeterministicKeys(PrecheckContract):
    plugin = NondeterministicKeys


@pytest.mark.parametrize("case", load_cases("nondeterministic_keys.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(NondeterministicKeys, case)
