"""The rows of a whole database, kind by kind, and what a plan says of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moving import Move, contents, moved

from dtsrun.api import Lane, MigrationType, Route
from dtsrun.plan import make_plan
from dtsrun.testing.contracts import StageContract
from dtsrun_plugins.stages.full import Full
from dtsrun_plugins.stages.indexes import Indexes
from dtsrun_plugins.stages.structure import Structure

SCRIPT = """
create table customer (id int generated always as identity primary key, name text not null);
create table orders (id serial, customer int references customer, day date, primary key (id, day))
    partition by range (day);
create table orders_old partition of orders for values from (minvalue) to ('2025-01-01');
create table orders_new partition of orders default;
create table invoice (id int primary key, file oid);
create materialized view daily as select day, count(*) as orders from orders group by day;
insert into customer (name) select 'c' || g from generate_series(1, 50) g;
insert into orders (customer, day) select 1 + g % 50, date '2024-06-01' + g from generate_series(1, 500) g;
insert into invoice select g, lo_from_bytea(0, ('invoice ' || g)::bytea) from generate_series(1, 20) g;
refresh materialized view daily;
"""


class TestFull(StageContract):
    plugin = Full


@pytest.fixture(scope="module")
def move(source_route: Route, target_route: Route) -> Iterator[Move]:
    with moved(source_route, target_route, "full", SCRIPT) as done:
        yield done


@pytest.mark.parametrize("table", ["customer", "orders_old", "orders_new", "invoice", "daily"])
def test_all_rows_arrive(move: Move, table: str) -> None:
    ours, theirs = (contents(end, f"public.{table}") for end in move.ends("full"))
    assert theirs == ours != []


def test_what_rows_refer_to_arrives(move: Move) -> None:
    query = "select convert_from(lo_get(file), 'UTF8') as text from public.invoice order by id"
    source, target = (end.execute(query).fetchall() for end in move.ends("full"))
    assert source == target
    assert target[0] == ("invoice 1",)


def test_nothing_failed_and_verification_agrees(move: Move) -> None:
    assert move.outcome.failures == move.outcome.deviations == []
    for kind in ("object.tables", "object.sequences", "object.large_objects", "object.materialized_views"):
        assert move.compare(kind) == []


def test_all_steps_are_data_of_the_copy_lane(move: Move) -> None:
    steps = [step for step in move.outcome.plan.steps.values() if step.stage == "full"]
    assert {step.plugin for step in steps} == {"object.tables", "object.sequences", "object.large_objects"}
    assert {step.lane for step in steps} == {Lane.COPY}
    assert all(step.transactional and step.marked for step in steps)


def test_rows_wait_for_their_own_table_only(move: Move) -> None:
    plan = move.outcome.plan
    before = {plan.steps[key].stage for key in plan.steps["full/full/public.invoice"].after}
    assert before == {"structure"}


def test_a_structural_migration_moves_no_rows(move: Move) -> None:
    assert MigrationType.STRUCTURAL not in Full.types
    planning = move.planning()
    plan = make_plan(planning, [s for s in (Structure(), Full(), Indexes()) if MigrationType.STRUCTURAL in s.types])
    assert not [step for step in plan.steps.values() if step.stage == "full"]
