"""No unlogged tables: their changes cannot be followed."""

import pytest

from dtsrun.api import DatabaseSelection, Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import make_spec
from dtsrun_plugins.prechecks.unlogged_tables import UnloggedTables


class TestUnloggedTables(PrecheckContract):
    plugin = UnloggedTables


@pytest.mark.parametrize("case", load_cases("unlogged_tables.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(UnloggedTables, case)


def test_one_that_moves_without_its_rows_passes(found, source_route, target_route, fresh_database):
    shop = fresh_database(source_route)
    with connect(source_route, shop) as connection:
        connection.execute("create unlogged table public.cache (id int)")
    chosen = {shop: DatabaseSelection(name=shop, target=shop, rows={"public.cache": None})}
    spec = make_spec({}, selection=Selection(entire_instance=False, databases=chosen))
    assert found(UnloggedTables, source_route, target_route, spec=spec) == []
