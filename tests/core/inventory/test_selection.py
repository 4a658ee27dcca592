"""Promises of the selection: it takes what was asked for, brings what belongs to it, and says what is missing."""

from __future__ import annotations

import pytest
import yaml

from dtsrun.api import Database, Role, Selection
from dtsrun.errors import SpecError
from dtsrun.inventory import matches
from dtsrun.inventory.selection import choose_roles
from dtsrun.postgres.session import connect
from dtsrun.testing.servers import create_database, drop_database

SHOP = """
create schema sales; comment on schema sales is 'the shop'; grant usage on schema sales to public;
create schema parts;
create type public.mood as enum ('good', 'bad');
create domain public.price as numeric check (value >= 0);
create table public.customers (id int primary key, mood public.mood);
create table public.regions (id int primary key);
alter table public.customers add region int references public.regions;
create table sales.orders (id bigint generated always as identity, customer int references public.customers,
                           at date, cost public.price, primary key (id, at)) partition by range (at);
create index on sales.orders (at);
create table parts.orders_old partition of sales.orders for values from (minvalue) to ('2020-01-01');
create table sales.orders_new partition of sales.orders for values from ('2020-01-01') to (maxvalue)
    partition by range (at);
create table parts.orders_new_1 partition of sales.orders_new
    for values from ('2020-01-01') to ('2021-01-01');
create table sales.log (id serial primary key, line text);
comment on column sales.log.line is 'free text'; grant select on sales.log to public;
create sequence sales.free;
create table sales.numbered (id bigint default nextval('sales.free'));
create table sales.base (a int); create table sales.heir (b int) inherits (sales.base);
create view sales.totals as select at, sum(cost) from sales.orders group by 1;
create view sales.on_totals as select * from sales.totals;
create function public.stamp() returns trigger language plpgsql as $$
begin insert into sales.log(line) values ('x'); return new; end $$;
create trigger stamped before insert on public.regions for each row execute procedure public.stamp();
create function public.twice(int) returns int language sql as 'select $1 * 2';
create function public.twice(text) returns text language sql as 'select $1 || $1';
create publication news for table sales.log;
alter default privileges in schema sales grant select on tables to public;
alter default privileges revoke execute on functions from public;
create statistics sales.linked on id, line from sales.log;
"""


@pytest.fixture(scope="module")
def shop(source_route):
    create_database(source_route, "selection_shop")
    with connect(source_route, "selection_shop") as connection:
        connection.execute(SHOP)
    yield "selection_shop"
    drop_database(source_route, "selection_shop")


@pytest.fixture
def pick(source_route, shop, choose):
    """Read the shop with include, exclude and rows."""

    def pick_(*args, **more) -> Database:
        return choose(source_route, shop, *args, **more)

    return pick_


class TestPatterns:
    @pytest.mark.parametrize(
        ("pattern", "name", "expected"),
        [
            ("public.orders", "public.orders", True),
            ("public.orders", "public.orders2", False),
            ("public.order_*", "public.order_1", True),
            ("public.order_?", "public.order_12", False),
            ("*", "any.thing", True),
            ("*.orders", "sales.orders", True),
            ("Public.*", "public.orders", False),
            ("a.b", "a+b", False),
            ("a.[b]", "a.[b]", True),
            ("a.(x|y)$^\\", "a.(x|y)$^\\", True),
            ("*\n*", "a\nb", True),
            ("a.*", "a.x\ny", True),
            ("", "", True),
        ],
    )
    def test_matches(self, pattern, name, expected):
        assert matches(pattern, name) is expected


class TestWhatIsTaken:
    def test_everything_by_default(self, pick, labels):
        found = pick()
        assert {"TABLE sales.log", "PUBLICATION news", "DEFAULT ACL DEFAULT PRIVILEGES FOR FUNCTIONS"} <= labels(found)
        assert not found.missing
        assert not found.missing_includes

    def test_a_table_brings_what_belongs_to_it_and_nothing_else(self, pick, labels, shop):
        assert labels(pick(["table sales.log"])) == {
            f"DATABASE {shop}",
            "SCHEMA sales",
            "COMMENT SCHEMA sales",
            "ACL SCHEMA sales",
            "TABLE sales.log",
            "SEQUENCE sales.log_id_seq",
            "SEQUENCE OWNED BY sales.log_id_seq",
            "DEFAULT sales.log id",
            "COMMENT sales.COLUMN log.line",
            "ACL sales.TABLE log",
            "CONSTRAINT sales.log log_pkey",
            "STATISTICS sales.linked",
        }

    def test_a_partitioned_table_brings_its_partitions_of_any_depth(self, pick, labels):
        found = labels(pick(["table sales.orders"]))
        assert {
            "TABLE parts.orders_old",
            "TABLE ATTACH parts.orders_old",
            "TABLE sales.orders_new",
            "TABLE parts.orders_new_1",
            "INDEX ATTACH parts.orders_new_1_at_idx",
            "INDEX ATTACH parts.orders_old_pkey",
            "SEQUENCE sales.orders_id_seq",
            "SCHEMA parts",
        } <= found

    def test_a_schema_brings_all_in_it_with_its_privileges(self, pick, labels):
        found = labels(pick(["schema sales"]))
        assert {"TABLE sales.log", "VIEW sales.totals", "SEQUENCE sales.free", "TABLE parts.orders_old"} <= found
        assert "DEFAULT ACL sales.DEFAULT PRIVILEGES FOR TABLES" in found
        assert "DEFAULT ACL DEFAULT PRIVILEGES FOR FUNCTIONS" not in found
        assert "TABLE public.customers" not in found
        assert "PUBLICATION news" not in found

    def test_privileges_to_come_are_those_of_a_whole_schema(self, pick, labels):
        assert not [x for x in labels(pick(["table sales.log"])) if x.startswith("DEFAULT ACL")]

    def test_a_pattern_takes_several(self, pick, labels):
        found = labels(pick(["table sales.?o*", "table sales.base"]))
        assert {"TABLE sales.log", "TABLE sales.base"} <= found
        assert "TABLE sales.heir" not in found

    def test_a_selector_takes_its_kind_alone(self, pick, labels):
        found = labels(pick(["view *"]))
        assert "VIEW sales.totals" in found
        assert not [x for x in found if x.startswith("TABLE")]

    def test_a_function_by_name_or_by_signature(self, pick, labels):
        both = {"FUNCTION public.twice(integer)", "FUNCTION public.twice(text)"}
        assert both <= labels(pick(["function public.twice"]))
        assert both & labels(pick(["function public.twice(text)"])) == {"FUNCTION public.twice(text)"}

    def test_relations_and_sequences_follow(self, pick):
        found = pick(["table sales.log", "table sales.orders"])
        assert {r.qualified for r in found.relations.values()} == {
            "sales.log",
            "sales.log_id_seq",
            "sales.orders",
            "sales.orders_id_seq",
            "sales.orders_new",
            "parts.orders_new_1",
            "parts.orders_old",
        }
        assert {s.name for s in found.sequences} == {"log_id_seq", "orders_id_seq"}

    def test_excluded_objects_stay_with_all_that_is_theirs(self, pick, labels):
        found = pick(exclude=["table sales.log", "publication news", "function public.stamp*", "table public.regions"])
        assert not [x for x in labels(found) if "log" in x or "stamp" in x]
        assert "TABLE sales.base" in labels(found)

    def test_one_partition_can_be_excluded(self, pick, labels):
        found = pick(exclude=["table parts.orders_old"])
        assert not [x for x in labels(found) if "orders_old" in x]
        assert "TABLE parts.orders_new_1" in labels(found)
        assert not found.missing

    def test_dependencies_stay_within_the_selection(self, pick):
        found = pick(["view sales.on_totals"])
        for entry in found.entries.values():
            assert set(entry.depends_on) <= set(found.entries), entry.label


class TestWhatIsMissing:
    def test_the_list_names_who_needs_what(self, pick):
        found = pick(["view sales.on_totals"])
        assert found.missing["VIEW sales.totals"] == ("VIEW sales.on_totals",)

    def test_the_lines_close_the_selection(self, pick, labels):
        found = pick(["view sales.on_totals"])
        assert set(found.missing_includes) == {
            "{view: sales.totals}",
            "{table: sales.orders}",
            "{type: public.price}",
            "{table: public.customers}",
            "{type: public.mood}",
            "{table: public.regions}",
            '{function: "public.stamp()"}',
            "{table: sales.log}",
        }
        lines = [yaml.safe_load(line) for line in found.missing_includes]
        closed = pick(["view sales.on_totals", *(f"{k} {v}" for line in lines for k, v in line.items())])
        assert not closed.missing
        assert not closed.missing_includes

    def test_a_foreign_key_asks_for_the_table_not_for_its_key(self, pick):
        found = pick(["table public.customers", "type public.mood"])
        assert found.missing["TABLE public.regions"] == ("FK CONSTRAINT public.customers customers_region_fkey",)
        assert not [label for label in found.missing if label.startswith("CONSTRAINT")]

    def test_the_function_of_a_trigger_is_needed(self, pick):
        found = pick(["table public.regions", "table sales.log"])
        assert found.missing == {"FUNCTION public.stamp()": ("TRIGGER public.regions stamped",)}
        assert found.missing_includes == ('{function: "public.stamp()"}',)

    def test_what_a_body_names_is_needed(self, pick):
        found = pick(["function public.stamp"])
        assert found.missing == {"TABLE sales.log": ("FUNCTION public.stamp() (in its body)",)}
        assert found.missing_includes == ("{table: sales.log}",)

    def test_unless_it_is_excluded_knowingly(self, pick):
        found = pick(["function public.stamp"], ["table sales.log"])
        assert not found.missing

    def test_what_an_excluded_object_leaves_open(self, pick):
        found = pick(exclude=["table public.customers"])
        assert found.missing == {"TABLE public.customers": ("FK CONSTRAINT sales.orders orders_customer_fkey",)}
        assert found.missing_includes == ("# take out of exclude: {table: public.customers}",)

    def test_an_excluded_schema_is_not_brought_back(self, pick, labels):
        found = pick(["table sales.orders", "schema public"], ["schema parts"])
        assert not [x for x in labels(found) if x.startswith(("SCHEMA parts", "TABLE parts"))]

    def test_an_heir_needs_what_it_inherits_from(self, pick):
        assert pick(["table sales.heir"]).missing == {"TABLE sales.base": ("TABLE sales.heir",)}

    def test_a_partition_alone_needs_its_table(self, pick):
        assert "TABLE sales.orders" in pick(["table parts.orders_old"]).missing

    def test_a_sequence_of_its_own_is_needed_by_a_default(self, pick):
        found = pick(["table sales.numbered"])
        assert found.missing_includes == ("{sequence: sales.free}",)

    def test_a_publication_needs_its_tables(self, pick):
        assert pick(["publication news"]).missing == {"TABLE sales.log": ("PUBLICATION TABLE sales.news log",)}

    def test_names_that_yaml_would_misread_are_quoted(self, source_route, database, choose):
        text = """
            create table "a: {b}, #c" (id int primary key);
            create table "Über" (id int references "a: {b}, #c");
        """
        name = database(source_route, text)
        found = choose(source_route, name, ["table public.Über"])
        assert [yaml.safe_load(line) for line in found.missing_includes] == [{"table": "public.a: {b}, #c"}]


class TestWhatComesAlong:
    def test_an_extension_that_is_needed(self, postgres_server, database, choose, labels):
        route = postgres_server(15)
        text = """
            create schema ext; create extension citext schema ext;
            create table t (name ext.citext);
            create function lower_it() returns text language plpgsql as $$ begin return ext.citext_hash('a'); end $$;
        """
        name = database(route, text)
        found = choose(route, name, ["table public.t"])
        assert {"EXTENSION citext", "SCHEMA ext", "COMMENT EXTENSION citext"} <= labels(found)
        assert [e.name for e in found.extensions] == ["citext"]
        assert not found.missing
        assert "EXTENSION citext" in labels(choose(route, name, ["function public.lower_it"]))

    def test_what_has_no_selector_comes_with_what_it_is_about(self, source_route, database, choose, labels):
        text = """
            create type a as (x int); create type b as (y int);
            create function a_to_b(a) returns b language sql as 'select row($1.x)::b';
            create cast (a as b) with function a_to_b(a);
            create function veto() returns event_trigger language plpgsql as 'begin end';
            create event trigger vetoed on ddl_command_end execute procedure veto();
        """
        name = database(source_route, text)
        found = labels(choose(source_route, name, ["type *", "function *"]))
        assert "CAST CAST (public.a AS public.b)" in found
        assert "EVENT TRIGGER vetoed" not in found
        assert "CAST CAST (public.a AS public.b)" not in labels(choose(source_route, name, ["type public.a"]))

    def test_a_foreign_server_with_its_mappings(self, source_route, database, choose, labels):
        text = """
            create foreign data wrapper far; create schema away;
            create server "s 1" foreign data wrapper far; create server other foreign data wrapper far;
            create user mapping for public server "s 1" options (password 'secret');
            create foreign table away.t (a int) server "s 1";
        """
        found = choose(source_route, database(source_route, text), ["schema away"])
        assert {
            "FOREIGN TABLE away.t",
            "SERVER s 1",
            "FOREIGN DATA WRAPPER far",
            "USER MAPPING USER MAPPING public SERVER s 1",
        } <= labels(found)
        assert not found.missing

    def test_a_shell_type(self, source_route, database, choose, labels):
        text = """
            create type coin;
            create function coin_in(cstring) returns coin language internal immutable strict as 'int4in';
            create function coin_out(coin) returns cstring language internal immutable strict as 'int4out';
            create type coin (input = coin_in, output = coin_out, like = int4);
        """
        found = choose(source_route, database(source_route, text), ["type public.coin", "function public.coin_*"])
        assert "SHELL TYPE public.coin" in labels(found)
        assert not found.missing


class TestPatternsThatSelectNothing:
    def test_are_refused_with_their_place_and_the_nearest_name(self, pick):
        with pytest.raises(SpecError) as raised:
            pick(["table sales.log", "table sales.oders", "view nowhere.*"])
        assert raised.value.where == "spec.yaml:2:1"
        assert "{table: sales.oders} selects nothing in database selection_shop" in raised.value.message
        assert 'spec.yaml:3:1: {view: "nowhere.*"} selects nothing' in raised.value.message
        assert raised.value.hint is not None
        assert "sales.orders" in raised.value.hint

    def test_in_exclude_too(self, pick):
        with pytest.raises(SpecError, match="selects nothing"):
            pick(["schema sales"], ["table sales.nothing"])

    def test_a_name_of_another_kind_does_not_count(self, pick):
        with pytest.raises(SpecError, match="selects nothing"):
            pick(["table sales.totals"])

    def test_a_word_that_no_kind_has(self, pick):
        with pytest.raises(SpecError, match="no kind of object is selected by the word gadget"):
            pick(["gadget sales.log"])

    def test_an_empty_schema_is_something(self, source_route, database, choose, labels):
        name = database(source_route, "create schema empty; create table t (a int)")
        assert not choose(source_route, name, ["schema public", "schema empty"]).missing
        assert "SCHEMA empty" in labels(choose(source_route, name, ["schema emp*"]))
        empty = database(source_route, "select")
        assert choose(source_route, empty, ["schema public"]).relations == {}

    def test_large_objects_need_no_entries(self, pick):
        assert pick(["large_object *"]).large_objects.count == 0


class TestRows:
    def by_name(self, found):
        return {found.relations[oid].qualified: condition for oid, condition in found.rows.items()}

    def test_by_table(self, pick):
        found = pick(rows={"sales.log": "id > 5", "public.regions": None})
        assert self.by_name(found) == {"sales.log": "id > 5", "public.regions": None}

    def test_of_a_partitioned_table_go_for_its_partitions(self, pick):
        found = pick(rows={"parts.orders_old": None, "sales.orders": "cost > 1", "sales.orders_new": "cost > 2"})
        assert self.by_name(found) == {"parts.orders_old": None, "parts.orders_new_1": "cost > 2"}

    def test_of_an_unknown_table_are_refused(self, pick):
        with pytest.raises(SpecError, match=r"rows of sales\.lgo in database") as raised:
            pick(rows={"sales.lgo": "true"})
        assert "sales.log" in (raised.value.hint or "")

    @pytest.mark.parametrize("name", ["sales.totals", "sales.free", "public.customers"])
    def test_of_what_has_none_or_is_not_selected_are_refused(self, pick, name):
        with pytest.raises(SpecError, match="no such table is selected"):
            pick(["schema sales"], rows={name: "true"})


class TestRoles:
    roles = tuple(
        Role(
            name=name,
            oid=number,
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
        for number, name in enumerate(["app", "report_a", "report_b", "dba"])
    )

    def names(self, selection):
        return [role.name for role in choose_roles(selection, self.roles)]

    def test_all_for_the_entire_instance(self):
        assert len(self.names(Selection(entire_instance=True))) == 4

    def test_none_unless_asked_for(self):
        assert self.names(Selection(entire_instance=False)) == []

    def test_by_pattern(self):
        selection = Selection(entire_instance=False, roles=("app", "report_*"))
        assert self.names(selection) == ["app", "report_a", "report_b"]

    def test_a_pattern_without_a_role_is_refused(self):
        with pytest.raises(SpecError, match="no role of the source is called apps") as raised:
            self.names(Selection(entire_instance=False, roles=("apps",)))
        assert raised.value.hint == "did you mean app?"
