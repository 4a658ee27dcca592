"""Roles arrive with all that makes them; those that are there already are left alone; secrets stay secret."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace

import pytest
from harness import Bench, open_bench

from dtsrun.api import Route, Setting
from dtsrun_plugins.objects.roles import Roles

NAMES = ("r_app", "r_boss", "r-odd \"name'", "r_member")
SCRIPT = """
create role r_app login password 'secret' connection limit 3 valid until '2031-02-03 04:05:06+00';
create role r_boss createrole createdb replication bypassrls noinherit;
create role "r-odd ""name'" superuser;
create role r_member;
comment on role r_app is 'it''s ours';
alter role r_app set search_path to "$user", "odd, name";
alter role r_app set work_mem to '7MB';
grant r_app to r_boss with admin option;
grant r_app to r_member with inherit false, set true granted by r_boss;
grant pg_monitor to r_member with admin true, inherit true, set false;
grant r_member to "r-odd ""name'";
"""

RunSql = Callable[[Route, str | None, str], None]


@pytest.fixture
def two_servers(
    source_route: Route, target_route: Route, without_roles: Callable[..., None], run_sql: RunSql
) -> tuple[Route, Route]:
    """A source with the roles and a target without."""
    without_roles(*reversed(NAMES), "r_limited")
    run_sql(source_route, None, SCRIPT)
    return source_route, target_route


@pytest.fixture
def bench(two_servers: tuple[Route, Route]) -> Iterator[Bench]:
    with open_bench(*two_servers, {}, roles=NAMES) as opened:
        yield opened


def steps_of(bench: Bench, stage: str) -> list[str]:
    return [step.key for step in Roles().steps(stage, bench.planning())]


def test_roles_arrive_equal(bench: Bench) -> None:
    assert bench.run().failures == []
    assert bench.compare("object.roles") == []


def test_their_passwords_still_open_the_door(bench: Bench) -> None:
    bench.run()
    query = "select rolpassword from pg_authid where rolname = 'r_app'"
    hashes = [bench.connection(side, None).execute(query).fetchone().rolpassword for side in ("source", "target")]
    assert hashes[0] == hashes[1]
    assert hashes[0].startswith("SCRAM-SHA-256$")


def test_no_password_is_in_the_plan(bench: Bench) -> None:
    text = json.dumps([asdict(step) for step in bench.outcome.plan.steps.values()])
    assert "r_app" in text
    assert "SCRAM" not in text


def test_memberships_keep_options_and_grantor(bench: Bench) -> None:
    bench.run()
    row = (
        bench.connection("target", None)
        .execute(
            "select admin_option, inherit_option, set_option, grantor::regrole::text as grantor from pg_auth_members"
            " where roleid = 'r_app'::regrole and member = 'r_member'::regrole"
        )
        .fetchone()
    )
    assert tuple(row) == (False, False, True, "r_boss")


def test_what_is_made_is_remembered(bench: Bench) -> None:
    assert set(bench.run().created) == {("role", name) for name in NAMES}


def test_only_chosen_roles_come(two_servers: tuple[Route, Route]) -> None:
    with open_bench(*two_servers, {}, roles=["r_m*"]) as bench:
        bench.run()
        rows = bench.connection("target", None).execute("select rolname from pg_roles where rolname like 'r\\_%'")
        assert [row.rolname for row in rows] == ["r_member"]


def test_a_role_that_is_there_is_left_alone(two_servers: tuple[Route, Route], run_sql: RunSql) -> None:
    run_sql(two_servers[1], None, "create role r_app connection limit 9; comment on role r_app is 'theirs'")
    with open_bench(*two_servers, {}, roles=NAMES) as bench:
        outcome = bench.run()
        assert outcome.failures == []
        said = {d.object: d.message for d in outcome.deviations}
        assert said["ROLE r_app"].startswith("was on the target already and differs in can login, connection limit")
        row = bench.connection("target", None).execute("select * from pg_roles where rolname = 'r_app'").fetchone()
        assert (row.rolcanlogin, row.rolconnlimit, row.rolconfig) == (False, 9, None)


def test_under_drop_it_becomes_as_on_the_source(two_servers: tuple[Route, Route], run_sql: RunSql) -> None:
    run_sql(two_servers[1], None, "create role r_app connection limit 9 createdb")
    with open_bench(*two_servers, {}, roles=NAMES, on_conflict="drop") as bench:
        assert bench.run().failures == []
        assert bench.compare("object.roles") == []


def test_differences_name_role_and_aspect(bench: Bench) -> None:
    bench.run()
    bench.connection("target", None).execute(
        b'alter role r_app connection limit 4 password \'other\'; revoke r_member from "r-odd ""name\'";'
        b'alter role r_app set work_mem to \'8MB\'; drop role "r-odd ""name\'"'
    )
    found = {(d.object, d.aspect): (d.source, d.target) for d in bench.compare("object.roles")}
    assert found == {
        ("ROLE r_app", "connection limit"): ("3", "4"),
        ("ROLE r_app", "password"): ("a password", "a password"),
        ("ROLE r_app", "settings"): (
            'search_path = "$user", "odd, name"; work_mem = 7MB',
            'search_path = "$user", "odd, name"; work_mem = 8MB',
        ),
        ("ROLE r-odd \"name'", "missing"): ("there", "not there"),
    }


def test_an_account_without_superuser_gives_what_it_may(two_servers: tuple[Route, Route], run_sql: RunSql) -> None:
    source, target = two_servers
    run_sql(target, None, "create role r_limited login createrole password 'x'")
    limited = replace(target, parameters={**target.parameters, "user": "r_limited", "password": "x"})
    with open_bench(source, limited, {}, roles=["r_boss", "r_app"]) as bench:
        outcome = bench.run()
        rows = bench.connection("target", None).execute("select * from pg_roles where rolname = 'r_boss'").fetchone()
        # It may act as the roles that it made: objects can be handed over to them.
        bench.connection("target", None).execute("set role r_app; reset role")
        said = [d.message for d in outcome.deviations if d.object == "ROLE r_boss"]
        assert outcome.failures == []
        assert (rows.rolcreaterole, rows.rolreplication, rows.rolbypassrls) == (True, False, False)
        assert any("REPLICATION" in message for message in said)
        assert any("BYPASSRLS" in message for message in said)
    run_sql(target, None, "drop owned by r_limited; drop role r_app; drop role r_boss")


def test_a_source_that_hides_passwords_is_said(two_servers: tuple[Route, Route], run_sql: RunSql) -> None:
    source, target = two_servers
    run_sql(source, None, "create role r_limited login password 'x'")
    limited = replace(source, parameters={**source.parameters, "user": "r_limited", "password": "x"})
    with open_bench(limited, target, {}, roles=["r_app"]) as bench:
        outcome = bench.run()
    assert outcome.failures == []
    assert ("ROLE r_app", "its password could not be read on the source: set it anew") in [
        (d.object, d.message) for d in outcome.deviations
    ]


def test_a_setting_of_all_roles_comes_along(two_servers: tuple[Route, Route], run_sql: RunSql) -> None:
    source, target = two_servers
    try:
        with open_bench(source, target, {}, roles=[]) as bench:
            everybody = Setting(database=None, role=None, name="work_mem", value="9MB")
            bench.inventory = replace(bench.inventory, roles=(), memberships=(), settings=(everybody,))
            bench.outcome.plan = bench.plan()
            assert bench.run().failures == []
            row = (
                bench.connection("target", None)
                .execute("select setconfig from pg_db_role_setting where setrole = 0 and setdatabase = 0")
                .fetchone()
            )
            assert row.setconfig == ["work_mem=9MB"]
    finally:
        run_sql(target, None, "alter role all reset all")


def test_nothing_to_make_makes_no_step(two_servers: tuple[Route, Route]) -> None:
    with open_bench(*two_servers, {}, roles=[]) as bench:
        bench.inventory = replace(bench.inventory, roles=(), memberships=(), settings=())
        assert (steps_of(bench, "structure"), steps_of(bench, "verify"), steps_of(bench, "full")) == ([], [], [])
