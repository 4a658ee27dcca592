"""Legal but nasty constructions of every kind arrive on a newer server exactly as they were."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Bench, Outcome, definitions, open_bench
from psycopg import sql

from dtsrun.api import Entry, Route
from dtsrun.postgres.session import connect

HERE = Path(__file__).parent
ROLES = ("o'wner one", "Grantor.Two", "täker 3", "drôle-admin")
SOURCE, TARGET = "nästy \"source\" 'db'", "renamed %41 = 'x'"

SAID_OTHERWISE = {
    'FUNCTION s.1 "q".f u n()': "the newer server writes the name of an output column that the older leaves out",
    'ACL s.1 "q".TABLE right_one': "MAINTAIN, which version 17 brought, was not revoked from the owner",
    "SUBSCRIPTION sub scription": "a subscription arrives without its slot",
}
"""What the two versions write in other words, and why."""


def forget(route: Route, database: str) -> None:
    with connect(route) as connection:
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(database)))
        for role in ROLES:
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(role)))


def drop_subscriptions(route: Route, database: str) -> None:
    with connect(route, database) as connection:
        for row in connection.execute(
            "select subname from pg_subscription s where subdbid = "
            "(select oid from pg_database where datname = current_database())"
        ).fetchall():
            name = sql.Identifier(row.subname)
            connection.execute(sql.SQL("alter subscription {} set (slot_name = none)").format(name))
            connection.execute(sql.SQL("drop subscription {}").format(name))


@pytest.fixture(scope="module")
def source(source_route: Route) -> Iterator[Route]:
    """A server with one of everything."""
    forget(source_route, SOURCE)
    with connect(source_route) as connection:
        connection.execute((HERE / "nasty_roles.sql").read_bytes())
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(SOURCE)))
    with connect(source_route, SOURCE) as connection:
        connection.execute((HERE / "nasty.sql").read_bytes())
    yield source_route
    drop_subscriptions(source_route, SOURCE)
    forget(source_route, SOURCE)


@pytest.fixture(scope="module")
def bench(source: Route, target_route: Route) -> Iterator[Bench]:
    """The migration of it, done."""
    forget(target_route, TARGET)
    with open_bench(source, target_route, {SOURCE: TARGET}, roles=ROLES) as opened:
        opened.run()
        yield opened
    drop_subscriptions(target_route, TARGET)
    forget(target_route, TARGET)


@pytest.fixture(scope="module")
def outcome(bench: Bench) -> Outcome:
    return bench.outcome


@pytest.fixture(scope="module")
def ends(bench: Bench) -> tuple[dict[str, Entry], dict[str, Entry]]:
    """Entries of both ends by label."""
    source, target = bench.entries("source", SOURCE), bench.entries("target", SOURCE)
    return {e.label: e for e in source}, {e.label: e for e in target}


def test_nothing_fails(outcome: Outcome) -> None:
    assert outcome.failures == []


def test_both_ends_hold_the_same_objects(bench: Bench) -> None:
    source = definitions(bench.entries("source", SOURCE))
    target = definitions(bench.entries("target", SOURCE))
    assert set(source) == set(target)


def test_definitions_are_equal(bench: Bench) -> None:
    source = definitions(bench.entries("source", SOURCE))
    target = definitions(bench.entries("target", SOURCE))
    unlike = {label for label in source if source[label] != target[label]}
    assert unlike == set(SAID_OTHERWISE)


@pytest.mark.parametrize("label", sorted(SAID_OTHERWISE))
def test_where_words_differ_the_owner_does_not(ends: tuple[dict[str, Entry], dict[str, Entry]], label: str) -> None:
    assert ends[0][label].owner == ends[1][label].owner


def test_the_subscription_has_no_slot_and_is_disabled(bench: Bench) -> None:
    row = (
        bench.connection("target", SOURCE)
        .execute("select subslotname, subenabled, subconninfo from pg_subscription where subname = 'sub scription'")
        .fetchone()
    )
    assert (row.subslotname, row.subenabled) == (None, False)
    assert row.subconninfo == "host=127.0.0.1 port=1 dbname='a b'"


def test_the_subscription_says_so(outcome: Outcome) -> None:
    said = {d.object for d in outcome.deviations if "no slot" in d.message}
    assert said == {"SUBSCRIPTION sub scription", "SUBSCRIPTION no_slot"}


def test_a_grant_keeps_its_grantor(bench: Bench) -> None:
    rows = bench.connection("target", SOURCE).execute(
        "select pg_get_userbyid(a.grantor) as grantor from pg_class c, aclexplode(c.relacl) a"
        " where c.relname = 't.a ble' and pg_get_userbyid(a.grantee) = 'täker 3'"
    )
    assert {row.grantor for row in rows} == {"Grantor.Two"}


def test_states_of_triggers_are_kept(bench: Bench) -> None:
    query = (
        "select tgrelid::regclass::text as place, tgname, tgenabled::text from pg_trigger"
        " where not tgisinternal order by 1, 2"
    )
    source = bench.connection("source", SOURCE).execute(query).fetchall()
    assert bench.connection("target", SOURCE).execute(query).fetchall() == source
    assert {row.tgenabled for row in source} == set("ODAR")


def test_what_is_not_valid_stays_so(bench: Bench) -> None:
    query = "select conname from pg_constraint where not convalidated order by 1"
    source = [row.conname for row in bench.connection("source", SOURCE).execute(query)]
    assert source == ["later", "later on", "to right"]
    assert [row.conname for row in bench.connection("target", SOURCE).execute(query)] == source


def test_roles_are_equal(bench: Bench) -> None:
    assert bench.compare("object.roles") == []


def test_databases_are_equal_but_for_the_name(bench: Bench) -> None:
    assert bench.compare("object.databases") == []
