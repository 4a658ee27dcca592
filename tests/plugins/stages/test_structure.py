"""Structure arrives in batches; what fails is named, what hangs on it is named, and the rest goes on."""

from collections.abc import Callable

import pytest
from harness import Bench, open_bench

from dtsrun.api import MigrationType, Route
from dtsrun.errors import MigrationError
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import StageContract
from dtsrun.testing.servers import FreshDatabase
from dtsrun_plugins.stages.structure import BATCH_ENTRIES, Structure

Move = Callable[..., Bench]


class TestStructure(StageContract):
    plugin = Structure


@pytest.fixture
def source_database(source_route: Route, fresh_database: FreshDatabase) -> str:
    return fresh_database(source_route)


@pytest.fixture
def target_database(target_route: Route, fresh_database: FreshDatabase) -> str:
    return fresh_database(target_route)


def run_script(route: Route, database: str, script: str) -> None:
    with connect(route, database) as connection:
        connection.execute(script.encode())


def names(route: Route, database: str) -> list[str]:
    """Return the relations of schema public."""
    with connect(route, database) as connection:
        rows = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'v')"
            " order by 1"
        )
        return [row.relname for row in rows]


def batches(bench: Bench, database: str) -> list[str]:
    return [key for key in bench.outcome.plan.order if key.startswith(f"{database}/structure/0")]


def test_batches_are_of_bounded_size_and_in_a_chain(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    tables = "".join(f"create table public.t{n} (id int);" for n in range(BATCH_ENTRIES + 5))
    run_script(source_route, source_database, tables)
    with open_bench(source_route, target_route, {source_database: target_database}) as bench:
        keys = batches(bench, source_database)
        sizes = [len(bench.outcome.plan.steps[key].args["entries"]) for key in keys]
        assert (len(sizes), sum(sizes)) == (2, BATCH_ENTRIES + 5)
        assert max(sizes) <= BATCH_ENTRIES
        assert bench.outcome.plan.steps[keys[1]].after == (keys[0],)


def test_structure_alone_creates_nothing_that_waits_for_rows(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    run_script(source_route, source_database, "create table public.t (id int primary key)")
    with open_bench(source_route, target_route, {source_database: target_database}) as bench:
        for key in [f"{source_database}/structure/database", *batches(bench, source_database)]:
            bench.run_step(bench.outcome.plan.steps[key])
        rows = bench.connection("target", source_database).execute(
            "select conname from pg_constraint where contype = 'p' and conrelid >= 16384"
        )
        assert rows.fetchall() == []


def test_a_failing_entry_is_named_and_the_rest_goes_on(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    run_script(
        source_route,
        source_database,
        "create table public.a (id int); create view public.on_a as select * from public.a;"
        "create table public.b (id int);"
        "create view public.on_b as select * from public.b; create view public.on_on_a as select * from public.on_a;",
    )
    run_script(
        target_route,
        target_database,
        "create function public.blocker() returns int language sql as 'select 1';create type public.a as (x int)",
    )
    with open_bench(source_route, target_route, {source_database: target_database}) as bench:
        outcome = bench.run()
    assert [failure.object for failure in outcome.failures] == [
        "TABLE public.a",
        "VIEW public.on_a",
        "VIEW public.on_on_a",
    ]
    assert "already exists (SQLSTATE 42P07)" in outcome.failures[0].message
    assert outcome.failures[1].message == "waits for TABLE public.a, which failed"
    assert outcome.failures[2].message == "waits for VIEW public.on_a, which failed"
    assert names(target_route, target_database) == ["b", "on_b"]


def test_a_run_after_the_cause_is_mended_tries_only_the_rest(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    run_script(source_route, source_database, "create table public.a (id int); create table public.b (id int);")
    run_script(target_route, target_database, "create type public.a as (x int)")
    with open_bench(source_route, target_route, {source_database: target_database}) as bench:
        assert len(bench.run().failures) == 1
        bench.connection("target", source_database).execute("drop type public.a")
        again = bench.run_step(bench.outcome.plan.steps[batches(bench, source_database)[0]])
    assert (again.failures, again.detail) == ((), {})
    assert names(target_route, target_database) == ["a", "b"]


def test_skip_leaves_objects_and_their_belongings_alone(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    script = (
        "create table public.kept (id int primary key, v text); create index kept_v on public.kept (v);"
        "create table public.new (id int primary key references public.kept); comment on table public.kept is 'source';"
    )
    run_script(source_route, source_database, script)
    run_script(target_route, target_database, "create table public.kept (id int primary key)")
    existing = {source_database: frozenset({"TABLE public.kept", "CONSTRAINT public.kept kept_pkey"})}
    databases = {source_database: target_database}
    with open_bench(source_route, target_route, databases, existing=existing, on_conflict="skip") as bench:
        assert bench.run().failures == []
        target = bench.connection("target", source_database)
        kept = target.execute(
            "select count(*) as columns, obj_description('public.kept'::regclass) as comment"
            "  from pg_attribute where attrelid = 'public.kept'::regclass and attnum > 0"
        ).fetchone()
        assert (kept.columns, kept.comment) == (1, None)
        keys = target.execute("select conname from pg_constraint where contype = 'f'").fetchall()
        assert [row.conname for row in keys] == ["new_id_fkey"]


def test_drop_makes_objects_anew(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    script = (
        "create table public.a (id int primary key); create table public.b (id int primary key references public.a);"
        "alter table public.a add foreign key (id) references public.b; create view public.v as select 2 as two;"
    )
    run_script(source_route, source_database, script)
    run_script(target_route, target_database, script.replace("2 as two", "1 as one"))
    with open_bench(source_route, target_route, {source_database: target_database}) as bench:
        labels = frozenset(e.label for e in bench.entries("target", source_database))
    existing = {source_database: labels}
    databases = {source_database: target_database}
    with open_bench(source_route, target_route, databases, existing=existing, on_conflict="drop") as bench:
        assert bench.run().failures == []
        assert bench.connection("target", source_database).execute("select two from public.v").fetchone() == (2,)


def test_drop_takes_nothing_along_that_was_not_asked_for(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    run_script(source_route, source_database, "create table public.a (id int)")
    run_script(
        target_route,
        target_database,
        "create table public.a (id int); create view public.mine as select * from public.a",
    )
    existing = {source_database: frozenset({"TABLE public.a"})}
    databases = {source_database: target_database}
    with (
        open_bench(source_route, target_route, databases, existing=existing, on_conflict="drop") as bench,
        pytest.raises(
            MigrationError, match=r"TABLE public\.a .* view public\.mine depends on table public\.a"
        ) as caught,
    ):
        bench.run()
    assert caught.value.hint is not None
    assert names(target_route, target_database) == ["a", "mine"]


def test_a_schema_that_exists_is_used_as_it_is(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    run_script(source_route, source_database, "create schema s; create table s.t (id int)")
    run_script(target_route, target_database, "create schema s; create table s.other (id int)")
    existing = {source_database: frozenset({"SCHEMA s"})}
    databases = {source_database: target_database}
    for on_conflict in ("skip", "drop"):
        with open_bench(source_route, target_route, databases, existing=existing, on_conflict=on_conflict) as bench:
            assert bench.run().failures == []
            target = bench.connection("target", source_database)
            assert target.execute(
                "select count(*) from pg_class where relnamespace = 's'::regnamespace"
            ).fetchone() == (2,)
            target.execute("drop table s.t")


def test_a_view_that_needs_a_primary_key_comes_after_it(
    source_route: Route, target_route: Route, source_database: str, target_database: str
) -> None:
    run_script(
        source_route,
        source_database,
        "create table public.a (id int primary key, v text);"
        "create view public.per_id as select id, v, count(*) from public.a group by id;"
        "create view public.above as select * from public.per_id;",
    )
    databases = {source_database: target_database}
    with open_bench(source_route, target_route, databases, migration_type=MigrationType.FULL) as bench:
        assert bench.run().failures == []
    assert names(target_route, target_database) == ["a", "above", "per_id"]
