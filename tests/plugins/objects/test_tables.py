"""Rows of every kind of table arrive as they are, and a table is filled when what its checks look up is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from moving import Move, contents, moved, open_move, seeded

from dtsrun.api import DatabaseSelection, Lane, Route, Selection, entry_name, own_rows_name, rows_name
from dtsrun.postgres.session import connect
from dtsrun.testing.contracts import ObjectKindContract
from dtsrun_plugins.objects.tables import Tables

VALUES = Path(__file__).parent / "values.sql"


class TestTables(ObjectKindContract):
    plugin = Tables


@pytest.fixture(scope="module")
def move(source_route: Route, target_route: Route) -> Iterator[Move]:
    """The migration of a database full of traps, done."""
    with moved(source_route, target_route, "tables", VALUES.read_text()) as done:
        yield done


EQUAL = [
    *("numbers", "times", "texts", "bytes", "lists", "made", "papers", "shapes", "made_up", "nothing", "wide"),
    *('"Od.d ""na\'me %s"', "fleeting", "parent", "heir", "dropped", "sales_old_1", "sales_old_x", "sales_new"),
]


@pytest.mark.parametrize("table", EQUAL)
def test_rows_arrive_as_they_are(move: Move, table: str) -> None:
    ours, theirs = (contents(end, f"public.{table}") for end in move.ends("tables"))
    assert theirs == ours
    assert ours


def test_a_value_of_a_hundred_megabytes_on_the_way_arrives(move: Move) -> None:
    digests = [end.execute("select length(b), md5(b) from public.big").fetchall() for end in move.ends("tables")]
    assert digests[0] == digests[1]
    assert digests[0][0][0] == 50 * 1024 * 1024  # 100 MB as text


def test_nothing_is_said_where_nothing_is_otherwise(move: Move) -> None:
    assert move.outcome.failures == []
    assert move.outcome.deviations == []


def test_verification_finds_no_difference(move: Move) -> None:
    assert move.compare("object.tables") == []


def test_rows_whose_partition_depends_on_the_server_go_through_the_root(move: Move) -> None:
    ours, theirs = (contents(end, "public.by_mood") for end in move.ends("tables"))
    assert ours == theirs == []  # the root itself holds nothing
    query = "select m::text, n from public.by_mood order by n"
    source, target = (end.execute(query).fetchall() for end in move.ends("tables"))
    assert source == target
    steps = [step for key, step in move.steps("object.tables").items() if "by_mood" in key]
    leaves = {r.oid for r in move.inventory.databases["tables"].relations.values() if r.name.startswith("by_mood")}
    assert all(step.args["routed"] for step in steps)
    # Triggers and indexes of any partition have to wait for all of them.
    assert all({rows_name("tables", oid) for oid in leaves} <= set(step.provides) for step in steps)


def test_a_partition_stands_for_all_above_it(move: Move) -> None:
    relations = {r.name: r.oid for r in move.inventory.databases["tables"].relations.values()}
    step = move.steps("object.tables")["full/public.sales_old_1"]
    names = {rows_name("tables", relations[name]) for name in ("sales_old_1", "sales_old", "sales")}
    assert set(step.provides) == {*names, own_rows_name("tables", relations["sales_old_1"])}
    assert "full/public.sales" not in move.steps("object.tables")


def test_steps_are_sized_and_can_be_told_apart(move: Move) -> None:
    steps = move.steps("object.tables")
    assert {step.lane for step in steps.values()} == {Lane.COPY}
    largest = max(steps.values(), key=lambda step: step.size)
    assert largest.title == "copy public.big"
    assert [key for key, step in steps.items() if step.args.get("freeze", True)] == ["full/public.big"]
    assert "full/public.big" in [key for key, step in steps.items() if not step.args.get("few", False)]
    assert steps["full/public.sales_old_1"].args["few"], "a relay would take longer than its rows"
    assert 'full/"public"."Od.d ""na\'me %s"' in steps


def test_rows_travel_in_binary_where_it_means_the_same(move: Move) -> None:
    chosen = {
        key: (s.args.get("format"), s.args.get("format_reason")) for key, s in move.steps("object.tables").items()
    }
    why = "column q (tsquery) has no binary form that is known to mean the same on another server"
    assert chosen.pop("full/public.papers") == (None, why)
    assert set(chosen.values()) == {("binary", None)}


def test_a_difference_is_found(source_route: Route, target_route: Route) -> None:
    with moved(source_route, target_route, "tables_differ", "create table t (id int primary key, a text)") as move:
        with connect(target_route, "tables_differ") as connection:
            connection.execute("insert into public.t values (7, 'x')")
        found = move.compare("object.tables")
        assert {d.object for d in found} == {"TABLE public.t"}


HASHED = """
create type mood as enum ('sad', 'fine');
create table t (m mood, n int) partition by hash (m);
create table t_0 partition of t for values with (modulus 2, remainder 0);
create table t_1 partition of t for values with (modulus 2, remainder 1);
insert into t select (enum_range(null::mood))[1 + g % 2], g from generate_series(1, 20) g;
"""


@pytest.mark.parametrize(
    ("change", "aspect"),
    [("delete from public.t where n = 3", "row count"), ("update public.t set n = 99 where n = 3", "rows")],
)
def test_a_difference_in_a_tree_is_found(source_route: Route, target_route: Route, change: str, aspect: str) -> None:
    with moved(source_route, target_route, "tables_hashed", HASHED) as move:
        assert move.compare("object.tables") == []
        with connect(target_route, "tables_hashed") as connection:
            connection.execute(change.encode())
        (difference,) = move.compare("object.tables")
        assert (difference.object, difference.aspect) == ("TABLE public.t", aspect)


LOOKUPS = """
create table z_limits (top int);
create function limit_of() returns int stable language sql as 'select max(top) from public.z_limits';
create domain bounded as int check (value < public.limit_of());
create table a_items (n int check (n < limit_of()));
create table b_items (n bounded);
create table c_self (n int);
create function c_count() returns bigint language sql as 'select count(*) from public.c_self';
alter table c_self add check (c_count() < 10 or n > 0);
insert into z_limits values (100);
insert into a_items values (1), (2);
insert into b_items values (3);
insert into c_self values (1);
"""


@pytest.fixture(scope="module")
def looking_up(source_route: Route, target_route: Route) -> Iterator[Move]:
    with moved(source_route, target_route, "tables_lookups", LOOKUPS) as done:
        yield done


@pytest.mark.parametrize("name", ["a_items", "b_items"])
def test_a_table_waits_for_the_rows_that_its_checks_look_up(looking_up: Move, name: str) -> None:
    step = looking_up.steps("object.tables")[f"full/public.{name}"]
    assert "tables_lookups/full/public.z_limits" in step.after
    ours, theirs = (contents(end, f"public.{name}") for end in looking_up.ends("tables_lookups"))
    assert ours == theirs != []


def test_a_table_does_not_wait_for_itself(looking_up: Move) -> None:
    step = looking_up.steps("object.tables")["full/public.c_self"]
    assert step.key not in step.after
    assert looking_up.outcome.failures == []


class TestASelection:
    SCRIPT = """
    create table kept (id int primary key, a int);
    create table emptied (a int);
    create table parts (a int) partition by range (a);
    create table part_1 partition of parts for values from (0) to (10);
    insert into kept select g, g from generate_series(1, 10) g;
    insert into emptied values (1);
    insert into parts values (1), (5);
    """

    def test_moves_the_rows_that_it_asks_for(self, source_route: Route, target_route: Route) -> None:
        rows = {"public.kept": "a % 2 = 0", "public.emptied": None, "public.parts": "a < 3"}
        chosen = DatabaseSelection(name="tables_rows", target="tables_rows", rows=rows)
        selection = Selection(entire_instance=False, databases={"tables_rows": chosen})
        with moved(source_route, target_route, "tables_rows", self.SCRIPT, selection=selection) as move:
            target = move.ends("tables_rows")[1]
            assert [len(contents(target, f"public.{name}")) for name in ("kept", "emptied", "part_1")] == [5, 0, 1]
            assert "full/public.emptied" not in move.steps("object.tables")
            assert move.compare("object.tables") == []

    def test_leaves_tables_alone_that_the_target_keeps(self, source_route: Route, target_route: Route) -> None:
        with (
            seeded(source_route, target_route, "tables_skip", self.SCRIPT),
            open_move(
                source_route,
                target_route,
                {"tables_skip": "tables_skip"},
                existing={"tables_skip": frozenset({"TABLE public.kept"})},
                on_conflict="skip",
            ) as move,
        ):
            assert "full/public.kept" not in move.steps("object.tables")
            assert "full/public.emptied" in move.steps("object.tables")


def test_a_copy_waits_for_its_table_and_the_attachments_above(source_route: Route, target_route: Route) -> None:
    script = TestASelection.SCRIPT
    with (
        seeded(source_route, target_route, "tables_needs", script),
        open_move(source_route, target_route, {"tables_needs": "tables_needs"}) as move,
    ):
        steps = list(Tables().steps("full", move.planning()))
        entries = move.inventory.databases["tables_needs"].entries.values()
        wanted = {e.id for e in entries if (e.type, e.name) in {("TABLE", "part_1"), ("TABLE ATTACH", "part_1")}}
        (step,) = [step for step in steps if step.key.endswith("part_1")]
        assert {entry_name("tables_needs", i) for i in wanted} <= set(step.needs)
        assert len(wanted) == 2


class TestEncodings:
    @pytest.mark.parametrize(("encoding", "text"), [("LATIN1", "Müller & Søn ©"), ("EUC_JP", "日本語 テスト")])
    def test_are_converted(self, source_route: Route, target_route: Route, encoding: str, text: str) -> None:
        name = f"tables_{encoding.lower()}"
        with moved(
            source_route,
            target_route,
            name,
            f'create table "{text}" (a text); insert into "{text}" values (\'{text}\')',
            source_options=f"encoding '{encoding}' locale 'C' template template0",
            target_options="encoding 'UTF8' locale 'C' template template0",
        ) as move:
            target = move.ends(name)[1]
            assert contents(target, f'public."{text}"') == [(f'("{text}")',)]
            assert move.compare("object.tables") == []


@pytest.mark.matrix
def test_xml_of_every_form_arrives(postgres_server: Callable[[int], Route]) -> None:
    # The servers of the `embedded` extra are built without libxml.
    script = (
        "create table t (x xml); insert into t values ('<!DOCTYPE a><a b=\"1\">&amp;</a>'), ('only text'),"
        " ('<a/><b/>'), ('<a><![CDATA[<x>]]></a>'), (''), (null)"
    )
    with moved(postgres_server(15), postgres_server(17), "tables_xml", script) as move:
        ours, theirs = (contents(end, "public.t") for end in move.ends("tables_xml"))
        assert ours == theirs and len(ours) == 6


class TestExtensions:
    """Configuration tables of an extension; none of the embedded servers brings one, so the inventory plays it."""

    def test_rows_of_the_user_are_appended(self, source_route: Route, target_route: Route) -> None:
        with (
            seeded(source_route, target_route, "tables_ext", "create table conf (a int); create table more (a int)"),
            open_move(source_route, target_route, {"tables_ext": "tables_ext"}) as move,
        ):
            database = move.inventory.databases["tables_ext"]
            own = {
                oid: replace(r, extension="geo", extension_condition="WHERE a > 1" if r.name == "conf" else "")
                for oid, r in database.relations.items()
            }
            move.inventory = replace(move.inventory, databases={"tables_ext": replace(database, relations=own)})
            first, second = sorted(Tables().steps("full", move.planning()), key=lambda step: step.args["name"])
            assert first.args["where"] == "WHERE a > 1" and "where" not in second.args
            assert first.args["fresh"] is second.args["fresh"] is False
            # In the order in which the extension made them, since one may refer to the other.
            assert set(first.provides) & set(second.needs)
