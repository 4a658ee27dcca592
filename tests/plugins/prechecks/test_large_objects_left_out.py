"""No chosen table refers to large objects that stay behind."""

import pytest

from dtsrun.api import DatabaseSelection, Pattern, Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.cases import load_cases
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.large_objects_left_out import LargeObjectsLeftOut


class TestLargeObjectsLeftOut(PrecheckContract):
    plugin = LargeObjectsLeftOut


@pytest.mark.parametrize("case", load_cases("large_objects_left_out.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(LargeObjectsLeftOut, case)


def test_chosen_tables_leave_them_behind(source_route, fresh_database):
    shop = fresh_database(source_route)
    with connect(source_route, shop) as connection:
        connection.execute("create table public.t (scan oid); create table public.other (x int)")
        connection.execute("insert into public.t select lo_from_bytea(0, 'x')")
    assert found(source_route, shop, "public.other") == []
    (finding,) = found(source_route, shop, "public.t")
    assert finding.message == f"1 large objects of {shop} are not chosen, and public.t.scan may refer to them"
    assert finding.evidence == {"columns": ["public.t.scan"]}


def found(source, shop, table):
    chosen = DatabaseSelection(name=shop, target=shop, include=(Pattern(selector="table", text=table),))
    spec = make_spec({}, selection=Selection(entire_instance=False, databases={shop: chosen}))
    with FakeCheckContext(source=source, spec=spec) as context:
        return list(LargeObjectsLeftOut().check(context))
