"""Databases are created as they were under the name that is wanted, and their settings reach nobody too early."""

from collections.abc import Callable, Iterator

import pytest
from harness import Bench, open_bench
from psycopg import sql

from dtsrun.api import Route
from dtsrun.errors import MigrationError
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import FreshDatabase, drop_database

TARGET = "d new \"name' %"
ROLES = ("d_owner", "d_user")
RunSql = Callable[[Route, str | None, str], None]


@pytest.fixture
def source(
    source_route: Route,
    target_route: Route,
    without_roles: Callable[..., None],
    fresh_database: FreshDatabase,
    run_sql: RunSql,
) -> Iterator[str]:
    """A source database with all that a database can have."""
    without_roles(*ROLES)
    name = fresh_database(source_route, options="encoding 'LATIN1' locale 'C' template template0")
    run_sql(source_route, None, "create role d_owner; create role d_user")
    run_sql(
        source_route,
        None,
        f"""
        alter database {name} owner to d_owner;
        revoke all on database {name} from public;
        grant connect, temporary on database {name} to d_user with grant option;
        set role d_user; grant connect on database {name} to public; reset role;
        comment on database {name} is 'it''s ''ours''';
        alter database {name} connection limit 17;
        alter database {name} set default_transaction_read_only to on;
        alter database {name} set search_path to "$user", "odd, one";
        alter role d_user in database {name} set work_mem to '5MB';
    """,
    )
    with connect(source_route, name, settings={"default_transaction_read_only": "off"}) as connection:
        connection.execute("create table public.t (id int)")
    yield name
    drop_database(target_route, TARGET)


@pytest.fixture
def bench(source_route: Route, target_route: Route, source: str) -> Iterator[Bench]:
    with open_bench(source_route, target_route, {source: TARGET}, roles=ROLES) as opened:
        yield opened


def row_of(bench: Bench) -> object:
    return (
        bench.connection("target", None)
        .execute(
            "select pg_encoding_to_char(encoding) as encoding, datcollate, datctype, datconnlimit,"
            " datdba::regrole::text as owner from pg_database where datname = %s",
            [TARGET],
        )
        .fetchone()
    )


def test_it_arrives_equal_under_another_name(bench: Bench) -> None:
    assert bench.run().failures == []
    assert bench.compare("object.databases") == []
    assert tuple(row_of(bench)) == ("LATIN1", "C", "C", 17, "d_owner")  # type: ignore[call-overload]


def test_it_is_remembered_before_it_is_made(bench: Bench) -> None:
    assert ("database", TARGET) in bench.run().created


def test_a_database_that_is_read_only_by_default_can_be_moved(bench: Bench, source: str) -> None:
    assert bench.run().failures == []
    with connect(bench.routes["target"], TARGET, settings={"default_transaction_read_only": "off"}) as connection:
        assert connection.execute("select count(*) from public.t").fetchone() == (0,)


def test_what_differs_is_named(bench: Bench, source: str) -> None:
    bench.run()
    name = sql.Identifier(TARGET)
    target = bench.connection("target", None)
    target.execute(sql.SQL("alter database {} set search_path to public").format(name))
    target.execute(sql.SQL("alter database {} connection limit 3").format(name))
    target.execute(sql.SQL("revoke connect on database {} from d_user cascade").format(name))
    found = {d.aspect: (d.source, d.target) for d in bench.compare("object.databases")}
    assert set(found) == {"connection limit", "setting search_path", "grants"}
    assert found["setting search_path"] == ('"$user", "odd, one"', "public")


def test_one_that_exists_is_used_as_it_is(bench: Bench, run_sql: RunSql) -> None:
    run_sql(bench.routes["target"], None, 'create database "d new ""name\' %" template template0 locale \'C\'')
    outcome = bench.run()
    assert outcome.failures == []
    assert "exists on the target with encoding UTF8, the source has LATIN1" in [d.message for d in outcome.deviations]
    assert row_of(bench).owner == "d_owner"  # type: ignore[attr-defined]


def test_one_that_cannot_hold_the_rows_stops_the_work(bench: Bench, run_sql: RunSql) -> None:
    run_sql(
        bench.routes["target"],
        None,
        "create database \"d new \"\"name' %\" template template0 locale 'C' encoding 'LATIN2'",
    )
    with pytest.raises(MigrationError, match="has encoding LATIN2, the source has LATIN1"):
        bench.run()


def test_a_database_made_twice_is_made_once(bench: Bench, source: str) -> None:
    step = bench.outcome.plan.steps[f"{source}/structure/database"]
    bench.run_step(bench.outcome.plan.steps["server/structure/roles"])
    bench.run_step(step)
    assert bench.run_step(step).deviations == ()


def test_a_setting_that_the_target_does_not_know_is_said(
    bench: Bench, source: str, source_route: Route, target_route: Route
) -> None:
    step = bench.outcome.plan.steps[f"{source}/indexes/database"]
    step.args["settings"].append({"database": source, "role": None, "name": "old_snapshot_threshold", "value": "5"})
    outcome = bench.run()
    assert outcome.failures == []
    said = {d.object: d.message for d in outcome.deviations}
    assert "unrecognized configuration parameter" in said[f"setting old_snapshot_threshold of {TARGET}"]


def test_what_was_dropped_on_the_source_is_not_there(
    source_route: Route, target_route: Route, fresh_database: FreshDatabase, run_sql: RunSql
) -> None:
    name = fresh_database(source_route)
    run_sql(source_route, name, "drop schema public; drop extension plpgsql")
    try:
        with open_bench(source_route, target_route, {name: TARGET}) as bench:
            assert bench.run().failures == []
            target = bench.connection("target", name)
            assert target.execute("select from pg_namespace where nspname = 'public'").fetchall() == []
            assert target.execute("select from pg_extension").fetchall() == []
    finally:
        drop_database(target_route, TARGET)
