"""Tables have a primary key, or something in its place."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.primary_keys import PrimaryKeys


class TestPrimaryKeys(PrecheckContract):
    plugin = PrimaryKeys


@pytest.mark.parametrize("case", load_cases("primary_keys.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(PrimaryKeys, case)
