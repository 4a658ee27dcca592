"""Populated views are filled from the target's rows in the right order; the others stay empty."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from moving import Move, contents, moved, open_move, seeded

from dtsrun.api import Route, rows_name
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import ObjectKindContract
from dtsrun_plugins.objects.materialized_views import MaterializedViews

SCRIPT = """
create table sold (id int primary key, amount int, region text);
insert into sold select g, g * 2, 'r' || g % 3 from generate_series(1, 30) g;
create view by_region as select region, sum(amount) as amount from sold group by region;
create materialized view z_first as select * from by_region;
create unique index z_first_region on z_first (region);
create view between as select sum(amount) as amount from z_first;
create materialized view a_second as select amount * 2 as twice from between;
create materialized view keyed as select id, amount, count(*) from sold group by id;
create materialized view empty as select * from sold with no data;
create table elsewhere (n int); insert into elsewhere values (1), (2);
create function looked_up() returns bigint language plpgsql as
    'begin return (select sum(n) from public.elsewhere); end';
create materialized view called as select looked_up() as n;
create schema "Qu.o""ted"; create materialized view "Qu.o""ted"."V %s" as select 1 as "a ""b";
"""

VIEWS = ["z_first", "a_second", "keyed", "called", '"Qu.o""ted"."V %s"']


class TestMaterializedViews(ObjectKindContract):
    plugin = MaterializedViews


@pytest.fixture(scope="module")
def move(source_route: Route, target_route: Route) -> Iterator[Move]:
    with moved(source_route, target_route, "matviews", SCRIPT) as done:
        yield done


@pytest.mark.parametrize("view", VIEWS)
def test_populated_ones_are_filled(move: Move, view: str) -> None:
    qualified = view if "." in view else f"public.{view}"
    ours, theirs = (contents(end, qualified) for end in move.ends("matviews"))
    assert theirs == ours != []


def test_populated_ones_have_statistics(move: Move) -> None:
    of_target = list(move.ends("matviews"))[1]
    rows = of_target.execute("select distinct schemaname, tablename from pg_stats where schemaname <> 'pg_catalog'")
    assert {("public", "z_first"), ("public", "keyed"), ('Qu.o"ted', "V %s")} <= set(rows.fetchall())


def test_others_stay_empty(move: Move) -> None:
    populated = "select relispopulated as populated from pg_class where relname = 'empty'"
    assert [end.execute(populated).fetchone() for end in move.ends("matviews")] == [(False,), (False,)]
    assert "indexes/refresh public.empty" not in move.steps("object.materialized_views", "indexes")


def test_each_comes_after_those_that_it_reads(move: Move) -> None:
    steps = move.steps("object.materialized_views", "indexes")
    assert "matviews/indexes/refresh public.z_first" in steps["indexes/refresh public.a_second"].after


def test_each_comes_after_the_rows_that_it_reads(move: Move) -> None:
    sold = "matviews/full/public.sold"
    other = "matviews/full/public.elsewhere"
    steps = {s.key.rpartition(".")[2]: s for s in MaterializedViews().steps("indexes", move.planning())}
    oids = {r.name: r.oid for r in move.inventory.databases["matviews"].relations.values()}
    assert rows_name("matviews", oids["sold"]) in steps["z_first"].needs
    assert rows_name("matviews", oids["elsewhere"]) not in steps["z_first"].needs
    # What a function reads nobody can tell for certain: all rows have to be there.
    called = move.steps("object.materialized_views", "indexes")["indexes/refresh public.called"]
    assert {sold, other} <= set(called.after)


def test_each_comes_after_grants_and_indexes(move: Move) -> None:
    step = move.steps("object.materialized_views", "indexes")["indexes/refresh public.z_first"]
    kinds = {move.outcome.plan.steps[key].plugin for key in step.after}
    assert "stage.indexes" in kinds


def test_verification_finds_no_difference(move: Move) -> None:
    assert move.compare("object.materialized_views") == []
    assert move.outcome.failures == []


class TestDifferences:
    def test_of_population_are_told(self, source_route: Route, target_route: Route) -> None:
        script = "create materialized view v as select 1 as a; create materialized view w as select 1 as a"
        with moved(source_route, target_route, "matviews_empty", script) as move:
            with connect(target_route, "matviews_empty") as connection:
                connection.execute("refresh materialized view public.v with no data")
                connection.execute("drop materialized view public.w")
            found = {(d.object, d.aspect, d.target) for d in move.compare("object.materialized_views")}
            assert found == {
                ("MATERIALIZED VIEW public.v", "populated", "not populated"),
                ("MATERIALIZED VIEW public.w", "missing", "missing"),
            }

    def test_of_rows_of_a_stale_view_are_none_of_ours(self, source_route: Route, target_route: Route) -> None:
        script = "create table t (n int); create materialized view v as select n from t; insert into t values (1)"
        with moved(source_route, target_route, "matviews_stale", script) as move:
            assert move.compare("object.materialized_views") == []

    def test_of_rows_that_the_target_has_wrong_are_told(self, source_route: Route, target_route: Route) -> None:
        script = "create table t (n int); insert into t values (1); create materialized view v as select n from t"
        with moved(source_route, target_route, "matviews_wrong", script) as move:
            with connect(target_route, "matviews_wrong") as connection:
                connection.execute("insert into public.t values (2)")
                connection.execute("refresh materialized view public.v")
            found = move.compare("object.materialized_views")
            assert {d.object for d in found} == {"MATERIALIZED VIEW public.v"}


FAILING = """
create table t (n int); insert into t values (0);
create table limits (n int);
create function find() returns int language plpgsql as 'begin return (select max(n) from limits); end';
set search_path = public;
create materialized view lost as select find() as n;
create materialized view broken as select 1 / (n - (select count(*) from t)) as n from t;
create materialized view fine as select n from t;
insert into t values (2);
"""


def test_one_that_cannot_be_filled_is_named_and_the_others_go_on(source_route: Route, target_route: Route) -> None:
    with moved(source_route, target_route, "matviews_fail", FAILING) as move:
        failures = {f.object: f for f in move.outcome.failures}
        assert set(failures) == {"MATERIALIZED VIEW public.lost", "MATERIALIZED VIEW public.broken"}
        assert "division by zero" in failures["MATERIALIZED VIEW public.broken"].message
        lost = failures["MATERIALIZED VIEW public.lost"]
        assert 'relation "limits" does not exist' in lost.message
        assert "set search_path" in (lost.hint or "")
        assert contents(move.ends("matviews_fail")[1], "public.fine") == [("(0)",), ("(2)",)]


def test_those_that_the_target_keeps_are_left_alone(source_route: Route, target_route: Route) -> None:
    name = "matviews_kept"
    with (
        seeded(source_route, target_route, name, "create materialized view v as select 1 as a"),
        open_move(
            source_route,
            target_route,
            {name: name},
            existing={name: frozenset({"MATERIALIZED VIEW public.v"})},
            on_conflict="skip",
        ) as move,
    ):
        assert move.steps("object.materialized_views", "indexes") == {}
