"""The test kit, for our own plugins and for those of others.

* `dtsrun.testing.contracts`: what every plugin of a family must keep, as classes that a test file begins with.
* `dtsrun.testing.servers`: a pytest plugin that gives running servers of any installed version and fresh databases.
* `dtsrun.testing.cases`: cases of checks, written in YAML.
* `dtsrun.testing.certificates`: an authority that issues certificates, lets them expire and revokes them.
* `dtsrun.testing.fakes`: contexts for calling a plugin by hand, over real servers.

Install it with `pip install 'dtsrun[testing,embedded]'`. A first test of a check:

    # conftest.py
    pytest_plugins = ["dtsrun.testing.servers"]

    # test_table_names.py
    from dtsrun.testing.cases import load_cases
    from dtsrun.testing.contracts import PrecheckContract

    class TestTableNames(PrecheckContract):
        plugin = TableNames

    @pytest.mark.parametrize("case", load_cases("table_names.yaml", near=__file__), ids=str)
    def test_cases(case, run_case):
        run_case(TableNames, case)
"""

import pytest

pytest.register_assert_rewrite("dtsrun.testing.contracts", "dtsrun.testing.cases")
