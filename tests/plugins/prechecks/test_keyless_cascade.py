"""Tables that a foreign key changes along have an identity to be told by."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.keyless_cascade import KeylessCascade


class TestKeylessCascade(PrecheckContract):
    plugin = KeylessCascade


@pytest.mark.parametrize("case", load_cases("keyless_cascade.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(KeylessCascade, case)
