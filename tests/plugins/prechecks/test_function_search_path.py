"""Functions that indexes and constraints call find what they name."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.function_search_path import FunctionSearchPath


class TestFunctionSearchPath(PrecheckContract):
    plugin = FunctionSearchPath


@pytest.mark.parametrize("case", load_cases("function_search_path.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(FunctionSearchPath, case)
