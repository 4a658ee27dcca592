"""Rows can be filtered while changes are followed."""

from collections.abc import Callable

import pytest

from dtsrun.api import DatabaseSelection, Finding, MigrationType, Route, Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import make_spec
from dtsrun_plugins.prechecks.row_filters import RowFilters

TABLES = "create table public.event (id int primary key); create table public.cache (id int primary key)"
ROWS = {"public.event": "id > 10", "public.cache": None}


class TestRowFilters(PrecheckContract):
    plugin = RowFilters


@pytest.fixture
def filtered(fresh_database: Callable[..., str], found: Callable[..., list[Finding]]) -> Callable[..., list[Finding]]:
    def find(source: Route, target: Route) -> list[Finding]:
        name = fresh_database(source)
        with connect(source, name) as connection:
            connection.execute(TABLES.encode())
        chosen = Selection(
            entire_instance=False, databases={name: DatabaseSelection(name=name, target=f"{name}_t", rows=ROWS)}
        )
        spec = make_spec({}, migration_type=MigrationType.FULL_INCREMENTAL, selection=chosen)
        return found(RowFilters, source, target, spec=spec)

    return find


def test_from_version_15_on_the_publication_filters(
    source_route: Route, target_route: Route, filtered: Callable[..., list[Finding]]
) -> None:
    assert filtered(source_route, target_route) == []


@pytest.mark.matrix
@pytest.mark.parametrize("version", [10, 14])
def test_before_the_condition_is_named_with_the_ways_out(
    version: int,
    postgres_server: Callable[[int], Route],
    target_route: Route,
    filtered: Callable[..., list[Finding]],
) -> None:
    [finding] = filtered(postgres_server(version), target_route)
    assert finding.subject.endswith(".public.event")
    assert finding.observed == f"version {version}, rows where id > 10"
    assert finding.fix is not None
    for way_out in ("delete what is not wanted", "type full", "upgrade the source to version 15"):
        assert way_out in finding.fix.text
