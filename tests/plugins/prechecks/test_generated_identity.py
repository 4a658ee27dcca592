"""No replica identity rests on generated columns."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.generated_identity import GeneratedIdentity


class TestGeneratedIdentity(PrecheckContract):
    plugin = GeneratedIdentity


@pytest.mark.parametrize("case", load_cases("generated_identity.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(GeneratedIdentity, case)
