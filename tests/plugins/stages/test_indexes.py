"""After the rows: few steps, no circles, no crossed locks, and a target that is ready for use."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from harness import STAGES, Bench, open_bench

from dtsrun.api import MigrationType, Resources, Route, Step, rows_name
from dtsrun.plan import make_plan
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import StageContract
from dtsrun.testing.servers import FreshDatabase
from dtsrun_plugins.stages.indexes import Indexes

SHOP = """
create table public.customer (id int primary key, name text unique);
create table public.orders (id int, day date, customer int references public.customer, primary key (id, day))
    partition by range (day);
create table public.orders_1 partition of public.orders for values from ('2024-01-01') to ('2025-01-01');
create table public.orders_2 partition of public.orders for values from ('2025-01-01') to ('2026-01-01');
create index orders_customer on public.orders (customer);
create function public.stamp() returns trigger language plpgsql as 'begin return new; end';
create trigger stamp before insert on public.customer for each row execute function public.stamp();
comment on constraint customer_pkey on public.customer is 'key';
comment on table public.customer is 'people';
create event trigger on_ddl on ddl_command_end execute function public.noticed();
comment on event trigger on_ddl is 'watches';
insert into public.customer select n, 'c' || n from generate_series(1, 500) n;
insert into public.orders select n, '2024-05-01', n from generate_series(1, 500) n;
"""
NOTICED = "create function public.noticed() returns event_trigger language plpgsql as 'begin null; end';"


class TestIndexes(StageContract):
    plugin = Indexes


@pytest.fixture
def ends(source_route: Route, target_route: Route, fresh_database: FreshDatabase) -> tuple[str, str]:
    """Names of a source with a small shop and of an empty target."""
    source = fresh_database(source_route)
    with connect(source_route, source) as connection:
        connection.execute((NOTICED + SHOP).encode())
    return source, fresh_database(target_route)


@pytest.fixture
def bench(source_route: Route, target_route: Route, ends: tuple[str, str]) -> Iterator[Bench]:
    """A full migration of it, planned."""
    with open_bench(source_route, target_route, dict([ends]), migration_type=MigrationType.FULL) as opened:
        yield opened


def grown(bench: Bench, database: str) -> dict[str, Step]:
    """Return the plan as if every table were large."""
    found = bench.inventory.databases[database]
    relations = {oid: replace(r, bytes=2**30 if r.relkind == "r" else 0) for oid, r in found.relations.items()}
    bench.inventory = replace(bench.inventory, databases={database: replace(found, relations=relations)})
    return {key.removeprefix(f"{database}/"): step for key, step in bench.plan().steps.items()}


def order(bench: Bench) -> Mapping[str, int]:
    """Return the place of each entry's label in the plan."""
    entries = [e for key in bench.outcome.plan.order for e in bench.outcome.plan.steps[key].args.get("entries", ())]
    return {entry["label"]: place for place, entry in enumerate(entries)}


def test_cheap_entries_share_steps(bench: Bench, ends: tuple[str, str]) -> None:
    building = [key for key in bench.outcome.plan.steps if "/indexes/batch " in key]
    entries = [e for key in building for e in bench.outcome.plan.steps[key].args["entries"]]
    assert len(entries) > 10
    assert len(building) <= 4


def test_what_reads_a_large_table_has_a_step_of_its_own(bench: Bench, ends: tuple[str, str]) -> None:
    steps = grown(bench, ends[0])
    costly = {key for key, step in steps.items() if step.action == "restore_one"}
    assert "indexes/INDEX public.orders_1_customer_idx" in costly
    assert "indexes/CONSTRAINT public.customer customer_pkey" in costly
    assert "indexes/FK CONSTRAINT public.orders orders_customer_fkey" in costly
    assert "indexes/INDEX public.orders_customer" not in costly, "a partitioned index alone reads nothing"


def test_an_index_waits_for_the_rows_of_its_own_table_only(bench: Bench, ends: tuple[str, str]) -> None:
    with_rows = _provide_rows(bench, ends[0])
    step = with_rows["indexes/INDEX public.orders_1_customer_idx"]
    assert {key for key in step.after if key.startswith("copy ")} == {"copy orders_1"}


def test_a_foreign_key_waits_for_both_tables(bench: Bench, ends: tuple[str, str]) -> None:
    step = _provide_rows(bench, ends[0])["indexes/FK CONSTRAINT public.orders orders_customer_fkey"]
    assert {key for key in step.after if key.startswith("copy ")} == {"copy customer", "copy orders_1", "copy orders_2"}


def _provide_rows(bench: Bench, database: str) -> dict[str, Step]:
    """Return the plan of large tables with a copying step for each."""
    grown(bench, database)
    relations = bench.inventory.databases[database].relations
    copying = [
        Step(
            key=f"copy {relation.name}",
            stage="full",
            plugin="object.tables",
            action="copy",
            provides=tuple(rows_name(database, oid) for oid in (relation.oid, *relation.parents)),
        )
        for relation in relations.values()
        if relation.relkind == "r"
    ]

    class Copying:
        types = frozenset(MigrationType)

        def plan(self, context: object) -> list[Step]:
            return copying

    plan = make_plan(bench.planning(), (*STAGES, Copying()))  # type: ignore[arg-type]
    return {key.removeprefix(f"{database}/"): step for key, step in plan.steps.items()}


def test_a_foreign_key_locks_both_tables_and_an_index_none(bench: Bench, ends: tuple[str, str]) -> None:
    steps = grown(bench, ends[0])
    oids = {r.name: r.oid for r in bench.inventory.databases[ends[0]].relations.values()}
    expected = {f"{ends[0]}/lock/{oids[name]}" for name in ("orders", "customer")}
    assert set(steps["indexes/FK CONSTRAINT public.orders orders_customer_fkey"].locks) == expected
    assert steps["indexes/INDEX public.orders_1_customer_idx"].locks == ()


def test_an_index_that_is_most_of_the_work_gets_most_of_the_workers(bench: Bench, ends: tuple[str, str]) -> None:
    found = bench.inventory.databases[ends[0]]
    sizes = {"customer": 2**30, "orders_1": 2**26, "orders_2": 2**26}
    relations = {oid: replace(r, bytes=sizes.get(r.name, 0)) for oid, r in found.relations.items()}
    bench.inventory = replace(bench.inventory, databases={ends[0]: replace(found, relations=relations)})
    planning = replace(bench.planning(), resources=Resources(copy=4, index=4, index_workers=1))
    steps = {key.rpartition("/")[2]: step for key, step in make_plan(planning, STAGES).steps.items()}

    def workers(key: str) -> str:
        return str(steps[key].args["settings"]["max_parallel_maintenance_workers"])

    # Two indexes of a gigabyte share eight processors with four of 64 MB.
    assert workers("CONSTRAINT public.customer customer_pkey") == "3"
    assert workers("INDEX public.orders_1_customer_idx") == "1"
    assert workers("FK CONSTRAINT public.orders orders_customer_fkey") == "1", "no worker helps there"


def test_event_triggers_come_after_all_other_objects(bench: Bench) -> None:
    place = order(bench)
    last = ["EVENT TRIGGER on_ddl", "COMMENT EVENT TRIGGER on_ddl"]
    assert sorted(place, key=lambda label: place[label])[-2:] == last


def test_comments_come_after_what_they_are_on(bench: Bench) -> None:
    place = order(bench)
    assert (
        place["COMMENT public.CONSTRAINT customer_pkey ON customer"] > place["CONSTRAINT public.customer customer_pkey"]
    )


def test_settings_of_the_database_come_last_of_all(bench: Bench, ends: tuple[str, str]) -> None:
    assert bench.outcome.plan.order[-1] == f"{ends[0]}/indexes/database"


def test_everything_arrives_and_indexes_are_valid(bench: Bench, ends: tuple[str, str]) -> None:
    assert bench.run().failures == []
    target = bench.connection("target", ends[0])
    names = (
        "select relname from pg_class where relkind in ('i', 'I') and relnamespace = 'public'::regnamespace order by 1"
    )
    source = bench.connection("source", ends[0]).execute(names).fetchall()
    assert target.execute(names).fetchall() == source
    assert target.execute("select from pg_index where not indisvalid").fetchall() == []


def test_large_tables_arrive_in_the_same_way(bench: Bench, ends: tuple[str, str]) -> None:
    grown(bench, ends[0])
    bench.outcome.plan = bench.plan()
    assert bench.run().failures == []
    attached = bench.connection("target", ends[0]).execute("select count(*) as n from pg_inherits").fetchone()
    assert attached.n == 2 + 2 * 2, "two partitions, and two indexes of each"


def test_tables_are_analyzed(bench: Bench, ends: tuple[str, str]) -> None:
    analyzed = [t for s in bench.outcome.plan.steps.values() if s.action == "analyze" for t in s.args["tables"]]
    assert sorted(analyzed) == [["public", "customer"], ["public", "orders"]], "a partitioned one takes its parts along"
    bench.run()
    row = (
        bench.connection("target", ends[0])
        .execute("select reltuples from pg_class where oid = 'public.customer'::regclass")
        .fetchone()
    )
    assert row.reltuples == 0, "-1 would mean: never analyzed"


def test_a_table_that_cannot_be_analyzed_is_named_and_the_others_are(bench: Bench, ends: tuple[str, str]) -> None:
    target = bench.connection("target", ends[0])
    for key in bench.outcome.plan.order:
        if "/indexes/analyze" in key:
            target.execute("drop table public.orders")
        bench.run_step(bench.outcome.plan.steps[key])
    assert [d.object for d in bench.outcome.deviations] == ["TABLE public.orders"]
    assert "does not exist" in bench.outcome.deviations[0].message
    row = target.execute("select reltuples from pg_class where oid = 'public.customer'::regclass").fetchone()
    assert row.reltuples == 0, "-1 would mean: never analyzed"


def test_a_structural_migration_analyzes_nothing(
    source_route: Route, target_route: Route, ends: tuple[str, str]
) -> None:
    with open_bench(source_route, target_route, dict([ends])) as bench:
        assert [s for s in bench.outcome.plan.steps.values() if s.action == "analyze"] == []


def test_a_foreign_key_that_rows_violate_is_named_and_the_rest_goes_on(bench: Bench, ends: tuple[str, str]) -> None:
    steps = grown(bench, ends[0])
    bench.outcome.plan = bench.plan()
    for key in bench.outcome.plan.order:
        if key.endswith("indexes/FK CONSTRAINT public.orders orders_customer_fkey"):
            target = bench.connection("target", ends[0])
            target.execute("insert into public.orders values (1, '2024-02-02', 99)")
        bench.run_step(bench.outcome.plan.steps[key])
    assert "indexes/database" in steps
    assert [f.object for f in bench.outcome.failures] == ["FK CONSTRAINT public.orders orders_customer_fkey"]
    assert "Key (customer)=(99) is not present" in bench.outcome.failures[0].message
