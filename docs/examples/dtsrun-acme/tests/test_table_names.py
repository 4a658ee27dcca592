"""The check `acme_table_names`."""

import pytest
from dtsrun_acme.table_names import AcmeTableNames

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract


class TestAcmeTableNames(PrecheckContract):
    """What every check keeps."""

    plugin = AcmeTableNames


@pytest.mark.parametrize("case", load_cases("table_names.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(AcmeTableNames, case)
