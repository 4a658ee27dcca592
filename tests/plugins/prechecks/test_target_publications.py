"""The target publishes nothing of all its tables."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.target_publications import TargetPublications


class TestTargetPublications(PrecheckContract):
    plugin = TargetPublications


@pytest.mark.parametrize("case", load_cases("target_publications.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(TargetPublications, case)
