"""The libraries of C functions are on the target."""

import pytest

from dtsrun.api import Outcome
from dtsrun.postgres.session import connect
from dtsrun.testing.cases import Case, load_cases, make_check
from dtsrun.testing.contracts import PrecheckContract
from dtsrun_plugins.prechecks.c_libraries import CLibraries


class TestCLibraries(PrecheckContract):
    plugin = CLibraries


@pytest.mark.parametrize("case", load_cases("c_libraries.yaml", near=__file__), ids=str)
def test_cases(case, run_case):
    run_case(CLibraries, case)


def test_an_account_that_may_not_look_cannot_know(source_route, target_route, fresh_database, route_of):
    name = fresh_database(source_route)
    with connect(source_route, name) as connection:
        connection.execute(
            "create function public.f() returns int language c as '$libdir/plpgsql', 'plpgsql_call_handler'"
        )
    case = Case(case="", outcome="")
    result = make_check(CLibraries, case, source=source_route, target=route_of(target_route), databases={name: name})
    assert result.outcome is Outcome.UNDETERMINED
    assert "lacks a privilege" in result.reason
