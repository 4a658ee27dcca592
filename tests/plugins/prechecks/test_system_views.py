"""What views take from the system catalogs is there on the target."""

import pytest

from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.system_views import SystemViews


class TestSystemViews(PrecheckContract):
    plugin = SystemViews


@pytest.mark.parametrize("case", load_cases("system_views.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(SystemViews, case)
