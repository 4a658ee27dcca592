"""No table has the hidden column oid."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.with_oids import WithOids


class TestWithOids(PrecheckContract):
    plugin = WithOids


@pytest.mark.parametrize("case", load_cases("with_oids.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(WithOids, case)
