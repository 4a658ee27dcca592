"""No column has a type that the target no longer has."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.removed_types import RemovedTypes


class TestRemovedTypes(PrecheckContract):
    plugin = RemovedTypes


@pytest.mark.parametrize("case", load_cases("removed_types.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(RemovedTypes, case)
