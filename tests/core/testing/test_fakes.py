"""A check's context over real servers answers as a task's does, and as the test says where it says something."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from dtsrun.api import CheckContext, MigrationType, ProbeResult, Route, ServerFacts
from dtsrun.errors import AccessError
from dtsrun.postgres.script import run_text
from dtsrun.postgres.session import connect
from dtsrun.testing.fakes import FakeCheckContext, make_endpoint, make_spec
from dtsrun.testing.servers import FreshDatabase


@pytest.fixture
def shop(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> str:
    """A database on both ends, with one table of the same name."""
    name = fresh_database(source_route)
    run_text(source_route, "create table one (id int primary key); create table two (id int);", name)
    run_text(target_route, "create table two (id int);", fresh_database(target_route, name=name))
    return name


@pytest.fixture
def context(source_route: Route, target_route: Route, shop: str) -> Iterator[FakeCheckContext]:
    with FakeCheckContext(source=source_route, target=target_route, databases=[shop]) as made:
        yield made


def test_it_is_what_a_check_is_handed(context: FakeCheckContext) -> None:
    handed: CheckContext = context
    assert handed.spec.migration_type is MigrationType.FULL


def test_its_inventory_is_read_from_the_source(context: FakeCheckContext, shop: str) -> None:
    tables = {
        relation.name for relation in context.inventory.databases[shop].relations.values() if relation.relkind == "r"
    }
    assert tables == {"one", "two"}
    assert context.inventory is context.inventory


def test_what_the_target_holds_is_read_from_it(context: FakeCheckContext, shop: str) -> None:
    assert "TABLE public.two" in {entry.label for entry in context.target_entries(shop)}


def test_conflicts_are_what_both_ends_hold(context: FakeCheckContext, shop: str) -> None:
    labels = {entry.label for entry in context.conflicts(shop)}
    assert "TABLE public.two" in labels
    assert "TABLE public.one" not in labels


def test_its_connections_are_shared_and_cannot_write(context: FakeCheckContext, shop: str) -> None:
    connection = context.source(shop)
    assert context.source(shop) is connection
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        connection.execute("create table public.three (id int)")


def test_its_connections_end_with_it(source_route: Route) -> None:
    with FakeCheckContext(source=source_route) as context:
        connection = context.source()
    assert connection.closed


def test_a_database_that_the_target_lacks_has_no_connection(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase
) -> None:
    name = fresh_database(source_route)
    with FakeCheckContext(source=source_route, target=target_route, databases=[name]) as context:
        assert context.target(name) is None
        assert context.target_entries(name) == ()
        assert context.target() is not None


def test_a_database_may_have_another_name_on_the_target(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase
) -> None:
    name, other = fresh_database(source_route), fresh_database(target_route)
    with FakeCheckContext(source=source_route, target=target_route, databases={name: other}) as context:
        connection = context.target(name)
        assert connection is not None
        assert connection.info.dbname == other


def test_facts_and_probes_come_from_the_servers(context: FakeCheckContext) -> None:
    assert (context.facts("source").major, context.facts("target").major) == (16, 18)
    assert [result.status for result in context.probe("target")] == ["ok", "ok"]


def test_what_the_test_says_goes_before() -> None:
    facts = ServerFacts(
        version=90600, version_text="9.6", current_user="x", is_superuser=False, bootstrap_role="postgres"
    )
    probe = ProbeResult(side="source", step="tcp", status="failed", seconds=0.1, message="no", cause="timeout")
    with FakeCheckContext(
        facts={"source": facts}, probes={"source": [probe]}, conflicts={"shop": []}, target_entries={"shop": []}
    ) as context:
        assert context.facts("source").major == 9
        assert context.probe("source") == [probe]
        assert context.conflicts("shop") == context.target_entries("shop") == []


def test_a_side_that_the_test_does_not_give_says_so() -> None:
    with FakeCheckContext() as context, pytest.raises(AccessError, match="the test gives no target"):
        context.target()


def test_a_spec_is_made_with_what_matters(source_route: Route) -> None:
    spec = make_spec({"shop": "shop_eu"}, migration_type=MigrationType.STRUCTURAL, on_conflict="skip")
    assert spec.selection.target_name("shop") == "shop_eu"
    assert (spec.migration_type, spec.on_conflict) == (MigrationType.STRUCTURAL, "skip")
    assert make_spec({}).selection.entire_instance
    assert make_endpoint("target", account="me").account == "me"
    with connect(source_route) as connection:
        assert connection.info.dbname == spec.source.maintenance_database
