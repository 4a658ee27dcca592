"""Parameters that change what values mean are alike on both ends."""

from dataclasses import replace

import pytest
from psycopg import sql

from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import PrecheckContract
from dtsrun.testing.fakes import FakeCheckContext
from dtsrun_plugins.prechecks.parameter_conflict import ParameterConflict


class TestParameterConflict(PrecheckContract):
    plugin = ParameterConflict


def found(source, target, database, **known):
    with FakeCheckContext(source=source, target=target, databases=[database], **known) as context:
        return list(ParameterConflict().check(context))


@pytest.fixture
def shop(source_route, fresh_database):
    return fresh_database(source_route)


def changed(facts, **settings):
    return replace(facts, settings={**facts.settings, **settings})


@pytest.fixture
def facts(source_route, target_route):
    with FakeCheckContext(source=source_route, target=target_route) as context:
        return {"source": context.facts("source"), "target": context.facts("target")}


def test_two_servers_of_one_machine_are_alike(source_route, target_route, shop):
    assert found(source_route, target_route, shop) == []


def test_another_time_zone_is_an_alarm_and_the_fix_sets_it(source_route, target_route, shop):
    with connect(target_route) as connection:
        name = connection.info.user
        connection.execute(sql.SQL("alter role {} set timezone to 'Asia/Tokyo'").format(sql.Identifier(name)))
        try:
            (finding,) = found(source_route, target_route, shop)
        finally:
            connection.execute(sql.SQL("alter role {} reset timezone").format(sql.Identifier(name)))
    assert finding.subject == "TimeZone"
    assert finding.observed == "Asia/Tokyo"
    assert finding.fix.sql == (f"""ALTER SYSTEM SET "TimeZone" = '{finding.expected}'""",)


@pytest.mark.parametrize(("ours", "theirs"), [("en_US.UTF-8", "en_US.utf8"), ("C.UTF-8", "C")])
def test_two_spellings_of_one_locale_are_alike(source_route, target_route, shop, facts, ours, theirs):
    known = {
        "source": changed(facts["source"], lc_numeric=ours),
        "target": changed(facts["target"], lc_numeric=theirs),
    }
    assert found(source_route, target_route, shop, facts=known) == []


def test_the_currency_counts_where_there_is_money(source_route, target_route, shop, facts):
    known = {**facts, "target": changed(facts["target"], lc_monetary="de_DE.UTF-8")}
    assert found(source_route, target_route, shop, facts=known) == []
    with connect(source_route, shop) as connection:
        connection.execute("create table public.t (price money)")
    assert [f.subject for f in found(source_route, target_route, shop, facts=known)] == ["lc_monetary"]
