"""The target takes the settings of roles and databases."""

from dataclasses import replace

import pytest
from psycopg import sql

from dtsrun.api import Selection, Setting
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.role_settings import RoleSettings


class TestRoleSettings(PrecheckContract):
    plugin = RoleSettings


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(RoleSettings().check(context))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


def chosen(role):
    return make_spec({}, selection=Selection(entire_instance=False, roles=(role,)))


def set_for(route, role, setting):
    run(route, sql.SQL("alter role {} set ").format(sql.Identifier(role)) + sql.SQL(setting))


def test_what_both_ends_know_passes(source_route, target_route, fresh_role):
    role = fresh_role(source_route)
    set_for(source_route, role, "work_mem = '8MB'")
    set_for(source_route, role, "app.tenant = '7'")
    set_for(source_route, role, "DateStyle = 'German'")
    assert found(source_route, target_route, spec=chosen(role)) == []


def test_what_the_target_does_not_know_any_more_is_an_alarm(source_route, target_route, fresh_role):
    role = fresh_role(source_route)
    set_for(source_route, role, "work_mem = '8MB'")
    # As an older server would have it.
    statement = "update pg_catalog.pg_db_role_setting set setconfig = '{replacement_sort_tuples=9}' where setrole = "
    run(source_route, statement + f"'{role}'::regrole")
    (finding,) = found(source_route, target_route, spec=chosen(role))
    assert finding.message == f"the target does not know the parameter replacement_sort_tuples (role {role})"
    assert finding.fix.sql == (f'ALTER ROLE "{role}" RESET "replacement_sort_tuples"',)


def test_what_only_a_superuser_may_set_takes_one(source_route, target_route, fresh_role, route_of):
    role = fresh_role(source_route)
    set_for(source_route, role, "log_statement = 'all'")
    assert found(source_route, target_route, spec=chosen(role)) == []
    (finding,) = found(source_route, route_of(target_route), spec=chosen(role))
    assert "only a superuser may set the parameter log_statement" in finding.message


@pytest.fixture
def with_setting(source_route, target_route, fresh_database):
    """Make the check with one setting, as a source of some version would have it."""
    database = fresh_database(source_route)

    def find(**setting):
        with FakeCheckContext(source=source_route, databases=[database]) as context:
            inventory = replace(context.inventory, settings=(Setting(**{"value": "1", **setting}),))
        return found(source_route, target_route, inventory=inventory)

    return find


@pytest.mark.parametrize(
    ("role", "database", "subject", "statement"),
    [
        ("app", "shop", "role app, database shop", 'ALTER ROLE "app" IN DATABASE "shop" RESET "gone"'),
        ("app", None, "role app", 'ALTER ROLE "app" RESET "gone"'),
        (None, "shop", "database shop", 'ALTER DATABASE "shop" RESET "gone"'),
        (None, None, "role all", 'ALTER ROLE ALL RESET "gone"'),
    ],
)
def test_a_setting_is_taken_away_where_it_stands(with_setting, role, database, subject, statement):
    (finding,) = with_setting(role=role, database=database, name="gone")
    assert (finding.subject, finding.fix.sql) == (subject, (statement,))


@pytest.mark.parametrize("name", ["archive_timeout", "shared_buffers", "block_size"])
def test_what_holds_for_the_whole_server_is_an_alarm(with_setting, name):
    (finding,) = with_setting(role="app", database=None, name=name)
    assert finding.message == f"the target takes the parameter {name} for the whole server only (role app)"
