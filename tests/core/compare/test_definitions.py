"""Definitions are equal on both ends, or what differs is named; how a version writes them is no difference."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg import sql

from dtsrun.api import Step
from dtsrun.compare import compare_definitions
from dtsrun.inventory import dump_entries
from dtsrun.postgres.session import connect

SEED = Path(__file__).with_name("definitions_seed.sql").read_text("utf-8")


class Anything:
    """A kind that claims every type of entry it is asked about."""

    name = "object.anything"
    entry_types = (
        "DATABASE", "DATABASE PROPERTIES", "SCHEMA", "DOMAIN", "TYPE", "SHELL TYPE", "TABLE", "VIEW",
        "MATERIALIZED VIEW", "RULE", "FUNCTION", "PROCEDURE", "TRIGGER", "POLICY", "ROW SECURITY", "PUBLICATION",
        "PUBLICATION TABLE", "SEQUENCE", "SEQUENCE OWNED BY", "OPERATOR CLASS", "OPERATOR FAMILY", "COMMENT", "ACL",
        "DEFAULT ACL", "CONSTRAINT", "FK CONSTRAINT", "CHECK CONSTRAINT", "INDEX", "INDEX ATTACH", "TABLE ATTACH",
        "DEFAULT", "EXTENSION", "SUBSCRIPTION", "OPERATOR",
    )  # fmt: skip


class Ends:
    """A source database and a target database made from its dump."""

    def __init__(self, source, source_name, target, target_name):
        self.source, self.source_name = source, source_name
        self.target, self.target_name = target, target_name
        self.dumps = {}

    def dump(self, side, database=None):
        if side not in self.dumps:
            self.dumps[side] = self._dump(side)
        return self.dumps[side]

    def _dump(self, side):
        route, name = (self.source, self.source_name) if side == "source" else (self.target, self.target_name)
        return dump_entries(route, name, [Anything()], at_least=18)

    def restore(self):
        with connect(self.target, self.target_name) as connection:
            for entry in self.dump("source"):
                if entry.type not in ("DATABASE", "DATABASE PROPERTIES") and "DATABASE " not in entry.name:
                    connection.execute(entry.sql.encode())
        return self

    def on_target(self, statement):
        with connect(self.target, self.target_name) as connection:
            connection.execute(statement)
        self.dumps.pop("target", None)

    def on_source(self, statement):
        with connect(self.source, self.source_name) as connection:
            connection.execute(statement)
        self.dumps.pop("source", None)

    def differences(self, **args):
        step = Step(
            key="shop/verify/definitions",
            stage="verify",
            plugin="stage.verify",
            action="definitions",
            database=self.source_name,
            args={"labels": None, "rename": {self.source_name: self.target_name}, "tablespaces": {}, **args},
        )
        majors = {"source": self.source, "target": self.target}
        context = SimpleNamespace(
            step=step, dump=self.dump, facts=lambda side: SimpleNamespace(major=_major(majors[side]))
        )
        return compare_definitions(context).differences


def _major(route):
    with connect(route) as connection:
        return connection.info.server_version // 10000


@pytest.fixture
def make_ends(fresh_database, target_route):
    def make(source):
        return Ends(source, fresh_database(source), target_route, fresh_database(target_route))

    return make


@pytest.fixture
def ends(make_ends, source_route):
    made = make_ends(source_route)
    made.on_source(SEED)
    return made.restore()


def named(differences):
    return [(d.object, d.aspect) for d in differences]


@pytest.mark.matrix
@pytest.mark.parametrize("version", [10, 11, 13, 15, 16, 17])
def test_definitions_moved_from_an_old_server_are_equal(version, make_ends, postgres_server):
    ends = make_ends(postgres_server(version))
    ends.on_source(SEED)

    assert ends.restore().differences() == ()


ORDERS_CHECK = "alter table app.orders drop constraint orders_total_check, add constraint orders_total_check check "
CHEAP = "create or replace view app.cheap as select id, customer from app.orders where "
TWICE = "create or replace function app.twice(a int) returns int language plpgsql as "

ROUNDS = (
    {
        "alter table app.orders alter customer set default 'nobodY'": "TABLE app.orders",
        "alter table app.items drop constraint items_order_id_fkey,"
        " add constraint items_order_id_fkey foreign key (order_id) references app.orders": (
            "FK CONSTRAINT app.items items_order_id_fkey"
        ),
        CHEAP + "total < 11 and customer <> 'x' order by id": "VIEW app.cheap",
        "create or replace view app.both as select i.order_id as id, i.position"
        " from app.orders o join app.items i on i.order_id = o.id where o.total > 1": "VIEW app.both",
        TWICE + "$$ begin  return a * 2; end $$": "FUNCTION app.twice(integer)",
        "drop index app.items_note; create index items_note on app.items (lower(note)) where position > 4": (
            "INDEX app.items_note"
        ),
        "alter policy own on app.orders using (customer <> current_user)": "POLICY app.orders own",
        "comment on table app.orders is 'it''s about orders'": "COMMENT app.TABLE orders",
        "alter type app.mood rename value 'sad' to 'Sad'": "TYPE app.mood",
        "alter publication changes set (publish = 'insert')": "PUBLICATION changes",
        "alter sequence app.numbers increment by 6": "SEQUENCE app.numbers",
        "alter table app.orders disable trigger touched": "TRIGGER app.orders touched",
        "grant update on app.orders to public": "ACL app.TABLE orders",
        "grant delete on app.items to current_user": "ACL app.TABLE items",
        "grant usage on type app.mood to current_user with grant option": "ACL app.TYPE mood",
        "alter default privileges in schema app grant insert on tables to public": (
            "DEFAULT ACL app.DEFAULT PRIVILEGES FOR TABLES"
        ),
    },
    {
        ORDERS_CHECK + "(total > 0)": "TABLE app.orders",
        CHEAP + "total < 10 and customer <> 'X' order by id": "VIEW app.cheap",
        "create or replace view app.counted as select customer, count(*) as orders"
        " from app.items, app.orders group by customer having count(*) > 1": "VIEW app.counted",
        TWICE + "$$ begin return a * 3; end $$": "FUNCTION app.twice(integer)",
        "drop index app.items_note; create unique index items_note on app.items (lower(note)) where position > 3": (
            "INDEX app.items_note"
        ),
        "revoke insert on app.orders from public": "ACL app.TABLE orders",
        "grant execute on function app.twice(int) to public": "ACL app.FUNCTION twice(a integer)",
    },
    {
        ORDERS_CHECK + "(total >= 0), alter customer drop not null": "TABLE app.orders",
        CHEAP + "total < 10 or customer <> 'x' order by id": "VIEW app.cheap",
        TWICE + "$$ begin return a * 2; end $$ stable": "FUNCTION app.twice(integer)",
        "grant select (total) on app.orders to public": "ACL app.COLUMN orders.total",
        "drop trigger touched on app.orders; create trigger touched before update of total on app.orders"
        " for each row when (old.total > new.total) execute function app.touched()": "TRIGGER app.orders touched",
    },
)
"""Changes of the target that stand beside each other; each round goes on from the one before."""


@pytest.mark.parametrize("version", [10, 16])
def test_every_changed_definition_is_a_difference(version, make_ends, postgres_server):
    ends = make_ends(postgres_server(version))
    ends.on_source(SEED)
    ends.restore()
    for changes in ROUNDS:
        for change in changes:
            ends.on_target(change)

        found = {d.object for d in ends.differences()}

        assert set(changes.values()) - found == set()


def test_both_texts_of_a_difference_are_shown_as_far_as_they_differ(ends):
    ends.on_target("alter table app.orders alter customer set default 'somebody'")

    (found,) = ends.differences()

    assert found.source == "customer text DEFAULT 'nobody'::text NOT NULL,"
    assert found.target == "customer text DEFAULT 'somebody'::text NOT NULL,"


def test_a_missing_object_is_named_with_what_hangs_on_it(ends):
    ends.on_target("drop table app.items cascade")

    found = named(ends.differences())

    assert ("TABLE app.items", "missing") in found
    assert ("INDEX app.items_note", "missing") in found
    assert {aspect for _, aspect in found} == {"missing", "definition"} or {aspect for _, aspect in found} == {
        "missing"
    }


def test_the_target_of_a_whole_database_holds_nothing_else(ends):
    ends.on_target("create sequence app.more; create schema _dtsrun create table marks (id int)")

    assert named(ends.differences()) == [("SEQUENCE app.more", "extra")]


def test_the_target_of_chosen_objects_may_hold_others(ends):
    labels = [entry.label for entry in ends.dump("source") if entry.type in ("TABLE", "VIEW")]
    ends.on_target("create table app.more (id int); drop view app.both; drop publication changes")

    assert named(ends.differences(labels=labels)) == [("VIEW app.both", "missing")]


def test_what_the_user_left_alone_does_not_count(ends):
    ends.on_target("drop view app.both")

    assert ends.differences(ignore=["VIEW app.both"]) == ()


def test_another_owner_is_a_difference(ends):
    with connect(ends.target) as connection:
        connection.execute("create role verify_owner")
        try:
            ends.on_target("alter table app.events owner to verify_owner")
            (found,) = ends.differences()
            assert (found.object, found.aspect, found.target) == ("TABLE app.events", "owner", "verify_owner")
        finally:
            ends.on_target("alter table app.events owner to current_user")
            connection.execute("drop role verify_owner")


def test_the_settings_and_rights_of_a_renamed_database_are_compared(ends):
    for route, name in ((ends.source, ends.source_name), (ends.target, ends.target_name)):
        with connect(route) as connection:
            for statement in (
                "alter database {} set work_mem = '7MB'",
                "alter database {} connection limit 55",
                "grant create on database {} to public",
                "comment on database {} is 'a shop'",
            ):
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    ends.dumps.clear()
    assert ends.differences() == ()

    ends.on_target(f"alter database {ends.target_name} set work_mem = '8MB'")
    assert named(ends.differences()) == [(f"DATABASE PROPERTIES {ends.source_name}", "definition")]


def test_columns_in_another_order_are_said_to_be(ends):
    ends.on_source("create table app.o (a int, b int)")
    ends.on_target("create table app.o (b int, a int)")

    found = {d.object: d.note for d in ends.differences()}

    assert found["TABLE app.o"] == "the same columns in another order"


def entries_on_target(ends, change):
    """Return the ends with the entries of the target changed before they are compared."""
    ends.dumps["target"] = [change(entry) for entry in ends.dump("target")]
    return ends


@pytest.mark.parametrize(("field", "aspect"), [("tablespace", "tablespace"), ("access_method", "access method")])
def test_where_and_how_a_table_is_stored_is_compared(field, aspect, ends):
    changed = entries_on_target(ends, lambda e: replace(e, **{field: "fast"}) if e.label == "TABLE app.items" else e)

    assert named(changed.differences()) == [("TABLE app.items", aspect)]


def test_tablespaces_may_be_left_out(ends):
    changed = entries_on_target(ends, lambda e: replace(e, tablespace="fast"))

    assert changed.differences(tablespaces=None) == ()
