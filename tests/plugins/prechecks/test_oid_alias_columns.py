"""No column holds names of objects by their OIDs."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.oid_alias_columns import OidAliasColumns


class TestOidAliasColumns(PrecheckContract):
    plugin = OidAliasColumns


@pytest.mark.parametrize("case", load_cases("oid_alias_columns.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(OidAliasColumns, case)
