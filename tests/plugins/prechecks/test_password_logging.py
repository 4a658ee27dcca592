"""The target does not write password hashes into its log."""

from dataclasses import replace

from psycopg import sql

from dtsrun.api import Selection
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext, make_spec
from dtsrun_plugins.prechecks.password_logging import PasswordLogging


class TestPasswordLogging(PrecheckContract):
    plugin = PasswordLogging


def found(source, target, **known):
    with FakeCheckContext(source=source, target=target, **known) as context:
        return list(PasswordLogging().check(context))


def chosen(*roles):
    return make_spec({}, selection=Selection(entire_instance=False, roles=roles))


def run(route, statement, database=None):
    with connect(route, database) as connection:
        connection.execute(statement)


def with_setting(route, name, value):
    with FakeCheckContext(target=route) as context:
        facts = context.facts("target")
    return {"target": replace(facts, settings={**facts.settings, name: value})}


def test_a_quiet_log_passes(source_route, target_route, fresh_role):
    assert found(source_route, target_route, spec=chosen(fresh_role(source_route, "login password 'x'"))) == []


def test_a_log_of_statements_is_an_alarm_and_the_fix_ends_it(source_route, target_route, fresh_role, route_of):
    account = route_of(target_route, "superuser")
    name = sql.Identifier(account.parameters["user"])
    run(target_route, sql.SQL("alter role {} set log_statement = 'ddl'").format(name))
    role = fresh_role(source_route, "login password 'x'")
    (finding,) = found(source_route, account, spec=chosen(role))
    assert finding.evidence == {"roles": [role]}
    run(target_route, finding.fix.sql[0].encode())
    assert found(source_route, account, spec=chosen(role)) == []


def test_roles_without_a_password_have_nothing_to_hide(source_route, target_route, fresh_role):
    facts = with_setting(target_route, "log_statement", "all")
    assert found(source_route, target_route, spec=chosen(fresh_role(source_route)), facts=facts) == []


def test_durations_bring_statements_into_the_log_too(source_route, target_route, fresh_role, route_of):
    account = route_of(target_route, "superuser")
    name = sql.Identifier(account.parameters["user"])
    run(target_route, sql.SQL("alter role {} set log_min_duration_statement = '100ms'").format(name))
    spec = chosen(fresh_role(source_route, "login password 'x'"))
    (finding,) = found(source_route, account, spec=spec)
    assert finding.message == (
        "log_min_duration_statement is 100 on the target: the password hashes of 1 role go to its log"
    )
    run(target_route, finding.fix.sql[0].encode())
    assert found(source_route, account, spec=spec) == []


def test_what_is_logged_for_its_slowness_alone_passes(source_route, target_route, fresh_role, route_of):
    account = route_of(target_route, "superuser")
    name = sql.Identifier(account.parameters["user"])
    run(target_route, sql.SQL("alter role {} set log_min_duration_statement = '1s'").format(name))
    assert found(source_route, account, spec=chosen(fresh_role(source_route, "login password 'x'"))) == []
