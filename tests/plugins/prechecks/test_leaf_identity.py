"""Partitions have the replica identity that their partitioned table was given."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.leaf_identity import LeafIdentity


class TestLeafIdentity(PrecheckContract):
    plugin = LeafIdentity


@pytest.mark.parametrize("case", load_cases("leaf_identity.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(LeafIdentity, case)
