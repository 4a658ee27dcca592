"""Promises of the whole inventory: what is moved, what is left out and why, and that it stays the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from psycopg import sql

from dtsrun.api import Database, DatabaseSelection, Inventory, Pattern, Role, Route, Selection
from dtsrun.errors import AccessError, MigrationError, SpecError
from dtsrun.inventory.facts import DatabaseFacts
from dtsrun.inventory.read import choose_databases, digest_of, is_untouched
from dtsrun.postgres.session import connect

WHOLE = Selection(entire_instance=True)


def one(name: str, target: str | None = None, **more: object) -> Selection:
    chosen = DatabaseSelection(name=name, target=target or name, **more)  # type: ignore[arg-type]
    return Selection(entire_instance=False, databases={name: chosen})


def known(name: str, **changes: object) -> DatabaseFacts:
    usual = DatabaseFacts(
        name=name,
        owner="postgres",
        encoding="UTF8",
        is_template=False,
        allows_connections=True,
        is_invalid=False,
        tablespace="pg_default",
        bytes=1,
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


@pytest.fixture
def role(source_route):
    made: list[str] = []

    def make(name: str, options: str = "") -> str:
        with connect(source_route) as connection:
            connection.execute(sql.SQL("create role {} ").format(sql.Identifier(name)) + sql.SQL(options))
        made.append(name)
        return name

    yield make
    with connect(source_route) as connection:
        for name in reversed(made):
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


class TestWhichDatabases:
    SERVER = {
        d.name: d
        for d in (
            known("closed", allows_connections=False),
            known("half_dropped", is_invalid=True, allows_connections=False),
            known("postgres"),
            known("shop"),
            known("template0", is_template=True, allows_connections=False),
            known("template1", is_template=True),
            known("user_template", is_template=True),
        )
    }

    def test_of_the_entire_instance_all_that_let_us_in(self):
        chosen, _ = choose_databases(WHOLE, self.SERVER)
        assert [c.name for c in chosen] == ["postgres", "shop", "template1", "user_template"]
        assert all(c.name == c.target and not c.include for c in chosen)

    def test_the_others_are_left_out_with_why(self):
        _, left_out = choose_databases(WHOLE, self.SERVER)
        assert left_out == [
            "database closed: it allows no connections (datallowconn is false)",
            "database half_dropped: a DROP DATABASE was broken off in it; nothing but dropping it is possible",
            "database template0: every server has its own",
        ]

    def test_chosen_ones_and_nothing_else(self):
        chosen, left_out = choose_databases(one("shop", "shop_eu"), self.SERVER)
        assert [(c.name, c.target) for c in chosen] == [("shop", "shop_eu")]
        assert left_out == []

    def test_an_unknown_one_is_refused_with_the_nearest(self):
        with pytest.raises(SpecError, match="the source has no database shpo") as raised:
            choose_databases(one("shpo"), self.SERVER)
        assert raised.value.hint == "did you mean shop?"

    @pytest.mark.parametrize("name", ["template0", "closed", "half_dropped"])
    def test_one_that_cannot_be_read_is_refused(self, name):
        with pytest.raises(SpecError, match=f"database {name} cannot be moved"):
            choose_databases(one(name), self.SERVER)


class TestTheEntireInstance:
    @pytest.fixture
    def found(self, source_route, database, role, read) -> tuple[str, Inventory]:
        role("boss")
        name = database(source_route, "create table t (a serial); select lo_create(0)")
        with connect(source_route) as connection:
            connection.execute(f"alter database {name} owner to boss")
            connection.execute("alter role boss set work_mem = '7MB'; grant pg_monitor to boss")
            connection.execute("alter role all set application_name = 'x'")
        inventory = read(source_route, WHOLE)
        with connect(source_route) as connection:
            connection.execute("alter role all reset application_name")
            connection.execute(f"alter database {name} owner to current_user")
        return name, inventory

    def test_everything_is_put_together(self, found, source_route):
        name, inventory = found
        database = inventory.databases[name]
        assert database.owner == "boss"
        assert (database.target, database.encoding, database.is_template) == (name, "UTF8", False)
        assert database.bytes > 0
        assert [s.name for s in database.sequences] == ["t_a_seq"]
        assert database.large_objects.count == 1
        assert {r.name for r in database.relations.values()} == {"t", "t_a_seq"}
        assert "postgres" in inventory.databases
        assert "template1" not in inventory.databases
        assert "template0" not in inventory.databases
        assert inventory.server.major == 16
        assert len(inventory.digest) == 64

    def test_roles_with_all_that_is_theirs(self, found, source_route):
        _, inventory = found
        assert {"boss", source_route.parameters["user"]} <= {r.name for r in inventory.roles}
        assert [(m.role, m.member) for m in inventory.memberships if m.member == "boss"] == [("pg_monitor", "boss")]
        settings = {(s.database, s.role, s.name) for s in inventory.settings}
        assert {(None, "boss", "work_mem"), (None, None, "application_name")} <= settings

    def test_what_stays_is_said(self, found):
        _, inventory = found
        assert "database template0: every server has its own" in inventory.left_out
        assert "database template1: it holds nothing but what every server has" in inventory.left_out


class TestTemplates:
    def test_template1_is_moved_where_it_holds_something(self, source_route, read):
        with connect(source_route, "template1") as connection:
            connection.execute("create table public.for_all (a int)")
        try:
            inventory = read(source_route, WHOLE)
        finally:
            with connect(source_route, "template1") as connection:
                connection.execute("drop table public.for_all")
        assert "TABLE public.for_all" in {e.label for e in inventory.databases["template1"].entries.values()}

    def test_large_objects_are_something(self):
        empty = Database(
            name="template1",
            target="template1",
            owner="postgres",
            encoding="UTF8",
            is_template=True,
            bytes=0,
            entries={},
            relations={},
        )
        assert is_untouched(empty)
        assert not is_untouched(replace(empty, large_objects=replace(empty.large_objects, count=1)))


class TestChosenObjects:
    def test_only_what_concerns_them(self, source_route, database, role, read):
        for name in ("app", "report_a", "dba"):
            role(name)
        shop = database(source_route, "create table t (a int)")
        with connect(source_route) as connection:
            connection.execute(f"alter database {shop} set work_mem = '8MB'")
            connection.execute("alter database postgres set work_mem = '8MB'")
            connection.execute("alter role app set work_mem = '7MB'; alter role dba set work_mem = '7MB'")
            connection.execute("grant dba to app; grant app to report_a")
        selection = replace(one(shop), roles=("app", "report_*"))
        inventory = read(source_route, selection)
        with connect(source_route) as connection:
            connection.execute("alter database postgres reset work_mem")
        assert list(inventory.databases) == [shop]
        assert [r.name for r in inventory.roles] == ["app", "report_a"]
        assert [(m.role, m.member) for m in inventory.memberships] == [("app", "report_a")]
        assert {(s.database, s.role) for s in inventory.settings} == {(shop, None), (None, "app")}
        assert inventory.left_out == ()

    def test_large_objects_are_not_forgotten_in_silence(self, source_route, database, read):
        name = database(source_route, "create table t (a oid); select lo_create(0)")
        include = (Pattern(selector="table", text="public.t"),)
        inventory = read(source_route, one(name, include=include))
        assert inventory.databases[name].large_objects.count == 0
        assert inventory.left_out == (f"1 large objects: the spec does not select them (database {name})",)
        both = (*include, Pattern(selector="large_object", text="*"))
        assert read(source_route, one(name, include=both)).databases[name].large_objects.count == 1

    def test_a_database_with_a_hostile_name(self, source_route, database, read):
        hostile = "na\"me=1 'x' %41 \\ e&host=1?a/b@c:d#e"
        database(source_route, "create table t (a int)", name=hostile)
        inventory = read(source_route, one(hostile))
        assert {r.name for r in inventory.databases[hostile].relations.values()} == {"t"}

    def test_tablespaces_that_are_used(self, source_route, database, read):
        with connect(source_route) as connection:
            connection.execute("set allow_in_place_tablespaces = on")
            connection.execute("create tablespace used location ''")
            connection.execute("create tablespace unused location ''")
        name = database(source_route, "create table t (a int) tablespace used")
        inventory = read(source_route, one(name))
        with connect(source_route, name) as connection:
            connection.execute("drop table public.t")
            connection.execute("drop tablespace used")
            connection.execute("drop tablespace unused")
        assert [t.name for t in inventory.tablespaces] == ["used"]


class TestTheSnapshot:
    def test_definitions_and_facts_are_of_one_moment(self, source_route, database, read):
        name = database(source_route, "create table before (a int)")
        with connect(source_route, name) as holder, connect(source_route, name) as other:
            holder.execute("begin isolation level repeatable read")
            exported = holder.execute("select pg_export_snapshot() as name").fetchone().name
            other.execute("create table public.afterwards (a int)")
            found = read(source_route, one(name), snapshot_of={name: exported}.__getitem__).databases[name]
        assert {r.name for r in found.relations.values()} == {"before"}
        assert [e.label for e in found.entries.values() if e.type == "TABLE"] == ["TABLE public.before"]

    def test_one_that_is_gone(self, source_route, database, read):
        name = database(source_route, "select")
        with pytest.raises(MigrationError, match=f"database {name} cannot be read"):
            read(source_route, one(name), snapshot_of=lambda _: "00000003-0000001B-1")


class TestTheDigest:
    def test_rows_do_not_change_it_and_definitions_do(self, source_route, database, read):
        name = database(source_route, "create table t (a int)")
        first = read(source_route, one(name)).digest
        with connect(source_route, name) as connection:
            connection.execute("insert into public.t select generate_series(1, 5000); analyze public.t")
        assert read(source_route, one(name)).digest == first
        with connect(source_route, name) as connection:
            connection.execute("alter table public.t alter a set not null")
        assert read(source_route, one(name)).digest != first

    def test_it_covers_the_server(self, source_route, database, read):
        inventory = read(source_route, one(database(source_route, "select")))
        clerk = Role(
            name="clerk",
            oid=1,
            superuser=False,
            inherit=True,
            create_role=False,
            create_db=False,
            can_login=True,
            replication=False,
            bypass_rls=False,
            connection_limit=-1,
            valid_until=None,
        )
        assert digest_of(replace(inventory, roles=(clerk,))) != inventory.digest
        assert digest_of(replace(inventory, left_out=("x",))) != inventory.digest
        assert digest_of(inventory) == inventory.digest


class TestRefusals:
    def test_a_server_that_is_not_there(self, read):
        nowhere = Route(parameters={"host": "127.0.0.1", "port": "1", "user": "nobody"}, description="nowhere")
        with pytest.raises(AccessError, match="the source cannot be read"):
            read(nowhere, WHOLE)

    def test_a_catalog_that_we_may_not_read(self, source_route, database, read):
        name = database(source_route, "revoke select on pg_catalog.pg_class from public")
        with connect(source_route) as connection:
            login = sql.SQL("create role ordinary login password {}")
            connection.execute(login.format(sql.Literal(source_route.parameters.get("password"))))
        ordinary = replace(source_route, parameters={**source_route.parameters, "user": "ordinary"})
        try:
            with pytest.raises(MigrationError, match="permission denied"):
                read(ordinary, one(name))
        finally:
            with connect(source_route) as connection:
                connection.execute("drop role ordinary")

    def test_an_unclaimed_type_stops_the_reading(self, source_route, database, read, kinds):
        name = database(source_route, "create view v as select 1 as a")
        with pytest.raises(MigrationError, match=r"claims the type VIEW of public\.v"):
            read(source_route, one(name), [k for k in kinds if k.name != "object.views"])
