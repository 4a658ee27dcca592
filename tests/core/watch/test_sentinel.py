"""What changes on the source is told once, with what mends it; and the repair mends it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence

import pytest
from replicated import MakeReplicated, Replicated

from dtsrun.api import DatabaseSelection, Entry, Link, ObjectKind, Pattern, Route
from dtsrun.inventory import dump_entries
from dtsrun.watch.drift import Action, Drift
from dtsrun.watch.fingerprint import Fingerprint, read_fingerprint, read_pulse
from dtsrun.watch.large_objects import read_large_objects
from dtsrun.watch.repairs import repair
from dtsrun.watch.sentinel import Sentinel, wanted_by

NAMED_NOT_NULL = re.compile(r" CONSTRAINT \w+(?= NOT NULL)")


class Everything(ObjectKind):
    """Claims what these tests make."""

    name = "object.everything"
    entry_types = (
        *("ACL", "CHECK CONSTRAINT", "COMMENT", "CONSTRAINT", "DATABASE", "DEFAULT", "DOMAIN", "FK CONSTRAINT"),
        *("FUNCTION", "INDEX", "INDEX ATTACH", "POLICY", "PUBLICATION", "PUBLICATION TABLE", "ROW SECURITY", "RULE"),
        *("SCHEMA", "SEQUENCE", "SEQUENCE OWNED BY", "SEQUENCE SET", "STATISTICS", "TABLE", "TABLE ATTACH", "TRIGGER"),
        *("TYPE", "VIEW", "MATERIALIZED VIEW", "EXTENSION", "DATABASE PROPERTIES", "PROCEDURE", "DEFAULT ACL"),
    )

    def statements(self, entry, database, context):
        return [entry.sql]


BEGINNING = (
    "create table customers (id int primary key, name text not null default 'x')",
    "create table orders (id int primary key, customer int references customers, note text)",
    "create table metrics (at int, value int, primary key (at)) partition by range (at)",
    "create table metrics_1 partition of metrics for values from (1) to (100)",
    "create type mood as enum ('good', 'bad')",
    "create function double(n int) returns int language sql as 'select n * 2'",
    "create view names as select name from customers",
    "create index by_note on orders (note)",
)


class Watched:
    """A pair, a link over its tables, and the watch over its source."""

    def __init__(self, pair: Replicated, selection: DatabaseSelection | None = None, at_least: int = 0) -> None:
        self.pair = pair
        has_keys = pair.source.info.server_version >= 110000
        pair.on_both(*(s if has_keys else s.replace(", primary key (at))", ")") for s in BEGINNING))
        self.link: Link = pair.slot("customers", "orders", "metrics_1")
        self.at_least = at_least
        self.dumps = 0
        self.sentinel = Sentinel(
            pair.names[0],
            read_fingerprint(pair.source, [table.oid for table in self.link.tables]),
            wanted=wanted_by(selection),
            dump=self._dump,
            large_objects=read_large_objects(pair.source),
        )

    def after(self, *statements: str) -> list[Drift]:
        for statement in statements:
            self.pair.source.execute(statement)
        return self.look()

    def look(self) -> list[Drift]:
        return self.sentinel.look(self.pair.source, [self.link])

    def repair(self, drifts: Sequence[Drift]) -> None:
        for drift in drifts:
            # What was found comes back from the journal.
            kept = Drift.from_data(json.loads(json.dumps(drift.as_data())))
            assert kept == drift
            repair(kept, self.pair.source, self.pair.target)

    def entries(self, route: Route, name: str) -> dict[str, str]:
        found = dump_entries(route, name, [Everything()], at_least=self.at_least)
        # Not-null constraints have names from version 18 on.
        return {
            e.label: NAMED_NOT_NULL.sub("", e.sql)
            for e in found
            if e.type not in ("DATABASE", "PUBLICATION", "PUBLICATION TABLE")
        }

    def is_alike(self) -> bool:
        ends = [
            self.entries(route, name)
            for route, name in zip((self.pair.source_route, self.pair.target_route), self.pair.names, strict=True)
        ]
        assert ends[0] == ends[1]
        return True

    def _dump(self) -> Sequence[Entry]:
        self.dumps += 1
        return dump_entries(self.pair.source_route, self.pair.names[0], [Everything()], at_least=self.at_least)


@pytest.fixture
def watched(pair: Replicated) -> Watched:
    return Watched(pair, at_least=18)


def test_where_nothing_changed_nothing_is_told_and_nothing_dumped(watched: Watched) -> None:
    watched.pair.source.execute("insert into customers select generate_series(1, 1000)")
    for statement in ("vacuum analyze", "vacuum full customers", "truncate orders", "cluster orders using by_note"):
        watched.pair.source.execute(statement)
    watched.pair.source.execute("create temporary table t (id int)")
    assert watched.look() == []
    assert watched.dumps == 0


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["alter table orders add amount numeric(10,2)"], "column amount numeric(10,2) was added"),
        (["alter table orders add state text not null default 'new'"], "column state text was added"),
        (["alter table orders drop note"], "column note was dropped"),
        (["alter table orders rename note to remark"], "column note was renamed to remark"),
        (["alter table orders alter note set default 'n', alter note set not null"], "refuses nulls"),
        (["alter table orders rename to purchases"], "was renamed"),
        (["alter table orders add constraint positive check (id > 0)"], "positive on public.orders is new"),
        (["alter table customers add unique (name)"], "customers_name_key on public.customers is new"),
        (["create index by_customer on orders (customer)"], "index public.by_customer is new"),
        (["drop index by_note"], "index public.by_note was dropped"),
        (["create or replace function double(n int) returns int language sql as 'select n + n'"], "changed"),
        (["create function half(n int) returns int language sql as 'select n / 2'"], "public.half(integer) is new"),
        (["drop function double(int)"], "public.double(integer) was dropped"),
        (["create or replace view names as select name, id from customers"], "view public.names changed"),
        (["create view ids as select id from orders", "comment on view ids is 'x'"], "view public.ids is new"),
        (["create sequence numbers start 5"], "sequence public.numbers is new"),
        (["create schema more"], "schema more is new"),
        (["alter type mood add value 'fair' before 'bad'", "alter type mood add value 'o''k'"], "mood changed"),
        (
            ["alter table orders drop constraint orders_customer_fkey"],
            "orders_customer_fkey on public.orders was dropped",
        ),
        (["comment on table orders is 'bought'"], "has another comment"),
        (["alter table orders owner to pg_database_owner"], "changed its owner or options"),
        (["create rule quiet as on delete to orders do instead nothing"], "quiet"),
        (["alter table orders enable row level security", "create policy own on orders using (true)"], "own"),
    ],
)
def test_ddl_is_told_and_the_repair_makes_both_ends_alike(watched: Watched, statements: list[str], words: str) -> None:
    drifts = watched.after(*statements)
    assert any(words in drift.message for drift in drifts), drifts
    assert {drift.kind for drift in drifts} == {"ddl"}
    watched.repair(drifts)
    assert watched.is_alike()
    assert watched.look() == []


@pytest.mark.parametrize(
    ("before", "statement", "words"),
    [
        ("", "grant select, update (note) on orders to pg_monitor", "select, update (note) was granted to pg_monitor"),
        ("", "grant select on names to public", "view public.names: select was granted to public"),
        (
            "grant select, update on orders to pg_monitor, public",
            "revoke update on orders from pg_monitor",
            "update was",
        ),
        (
            "grant select (id) on orders to pg_monitor",
            "revoke all on orders from pg_monitor",
            "select (id) was revoked",
        ),
        (
            "grant select on orders to pg_monitor with grant option",
            "revoke grant option for select on orders from pg_monitor",
            "pg_monitor may no longer grant select",
        ),
        (
            "grant select on orders to pg_monitor",
            "grant select on orders to pg_monitor with grant option",
            "with grant",
        ),
        ("", "revoke execute on function double(int) from public", "execute was revoked from public"),
        ("revoke all on function double(int) from public", "grant all on function double(int) to public", "granted to"),
        ("", "revoke usage on type mood from public", "type public.mood: usage was revoked from public"),
        (
            "",
            "alter default privileges in schema public grant select on tables to pg_monitor",
            "in schema public on tables: select was granted to pg_monitor",
        ),
        (
            "alter default privileges grant select, insert on tables to pg_monitor",
            "alter default privileges revoke insert on tables from pg_monitor",
            "on tables: insert was revoked from pg_monitor",
        ),
        (
            "alter default privileges in schema public grant select on tables to pg_monitor",
            "alter default privileges in schema public revoke select on tables from pg_monitor",
            "on tables: select was revoked from pg_monitor",
        ),
        ("", "alter default privileges revoke execute on functions from public", "execute was revoked from public"),
        ("", "grant create on schema public to pg_monitor", "schema public: create was granted to pg_monitor"),
    ],
)
def test_what_is_granted_and_revoked_is_so_on_the_target(
    pair: Replicated, before: str, statement: str, words: str
) -> None:
    watched = Watched(pair, at_least=18)
    if before:
        pair.on_both(before)
        watched.look()
    [drift] = watched.after(statement)
    assert (drift.kind, words in drift.message) == ("grant", True), drift
    watched.repair([drift])
    assert watched.is_alike()
    assert (watched.look(), watched.dumps) == ([], 0)


@pytest.mark.parametrize(
    "statement",
    ["alter table orders alter id type bigint", "alter table orders add stamp float8 default random()"],
)
def test_a_table_whose_rows_were_rewritten_is_to_be_copied_anew(watched: Watched, statement: str) -> None:
    [drift] = watched.after(statement)
    assert drift.repair is not None
    assert (drift.repair.action, drift.repair.oid) == (Action.COPY_TABLE, watched.pair.oid("orders"))
    for prepared in drift.repair.sql:
        watched.pair.target.execute(prepared)
    assert watched.is_alike()


def test_a_new_partition_is_followed_and_its_statements_make_it(watched: Watched) -> None:
    drifts = watched.after("create table metrics_2 partition of metrics for values from (100) to (200)")
    [drift] = drifts
    assert (drift.kind, drift.object) == ("partition", "table public.metrics_2")
    assert "of public.metrics, and its rows are not followed" in drift.message
    assert drift.repair and drift.repair.action is Action.FOLLOW_TABLE
    for statement in drift.repair.sql:
        watched.pair.target.execute(statement)
    assert watched.is_alike()


def test_a_new_table_comes_with_all_that_belongs_to_it(watched: Watched) -> None:
    [drift] = watched.after(
        "begin; create table lines (id serial primary key, order_id int references orders, t text check (t <> ''));"
        "create index on lines (order_id); comment on table lines is 'x'; grant select on lines to public; commit"
    )
    assert drift.kind == "new table"
    assert drift.repair and drift.repair.action is Action.FOLLOW_TABLE
    watched.pair.target.execute("begin")
    for statement in drift.repair.sql:
        watched.pair.target.execute(statement)
    watched.pair.target.execute("commit")
    assert watched.is_alike()


def test_a_dropped_table_is_told_once(watched: Watched) -> None:
    [drift] = watched.after("drop table orders")
    assert drift.message == "table public.orders was dropped on the source"
    watched.repair([drift])
    assert watched.is_alike()
    assert watched.look() == []


def test_what_the_selection_leaves_out_is_no_drift(pair: Replicated) -> None:
    selection = DatabaseSelection(
        name=pair.names[0],
        target=pair.names[1],
        include=(Pattern(selector="table", text="public.*"),),
        exclude=(Pattern(selector="table", text="public.tmp_*"),),
    )
    watched = Watched(pair, selection, at_least=18)
    assert (
        watched.after("create table tmp_1 (id int)", "create function f() returns int language sql as 'select 1'") == []
    )
    [drift] = watched.after("create table kept (id int primary key)")
    assert drift.object == "table public.kept"


def test_a_changed_replica_identity_is_given_back_on_the_source(watched: Watched) -> None:
    [drift] = watched.after("alter table orders replica identity nothing")
    assert drift.kind == "replica identity"
    watched.repair([drift])
    row = watched.pair.source.execute(
        "select relreplident::text as i from pg_class where relname = 'orders'"
    ).fetchone()
    assert row.i == "d"


def test_a_table_out_of_its_publication_is_told_once(watched: Watched) -> None:
    [drift] = watched.after(f'alter publication "{watched.link.name}" drop table orders')
    assert drift.kind == "publication"
    assert drift.repair and drift.repair.action is Action.COPY_TABLE
    assert watched.look() == []


def test_large_objects_are_told_one_by_one_and_copied(watched: Watched) -> None:
    source, target = watched.pair.source, watched.pair.target
    drifts = watched.after(
        "select lo_from_bytea(70001, 'abc'), lo_from_bytea(70002, decode(repeat('ab', 5000000), 'hex'))"
    )
    assert [drift.object for drift in drifts] == ["large object 70001", "large object 70002"]
    watched.repair(drifts)
    content = "select lomowner::regrole::text, md5(lo_get(oid)) as digest from pg_largeobject_metadata order by oid"
    assert target.execute(content).fetchall() == source.execute(content).fetchall()

    def until(*statements: str) -> list[Drift]:
        """The server's counters come a moment late."""
        found = watched.after(*statements)
        deadline = time.monotonic() + 15
        while not found and time.monotonic() < deadline:
            time.sleep(0.1)
            found = watched.look()
        return found

    [drift] = until("select lo_put(70001, 1, 'x')")
    assert "was written to" in drift.message
    watched.repair([drift])
    [drift] = until("grant select on large object 70001 to public; comment on large object 70001 is 'c'")
    watched.repair([drift])
    [drift] = until("select lo_unlink(70002)")
    watched.repair([drift])
    assert target.execute(content).fetchall() == source.execute(content).fetchall()
    acl = "select lomacl::text, obj_description(oid, 'pg_largeobject') from pg_largeobject_metadata"
    assert target.execute(acl).fetchall() == source.execute(acl).fetchall()


def test_a_fingerprint_outlives_the_process(watched: Watched) -> None:
    kept = json.loads(json.dumps(watched.sentinel.known.as_data()))
    assert Fingerprint.from_data(kept) == watched.sentinel.known


@pytest.mark.matrix
@pytest.mark.parametrize("version", range(10, 19))
def test_every_version_tells_and_mends(
    version: int, postgres_server: Callable[[int], Route], make_replicated: MakeReplicated
) -> None:
    pair = make_replicated(postgres_server(version), postgres_server(18))
    watched = Watched(pair, at_least=18)
    assert watched.look() == []
    drifts = watched.after(
        "alter table orders add amount int",
        "create index by_customer on orders (customer)",
        "create or replace function double(n int) returns int language sql as 'select n + n'",
        "create view ids as select id from orders",
    )
    assert len(drifts) == 4
    watched.repair(drifts)
    bodies = "select prosrc from pg_proc where proname = 'double'"
    columns = "select attname from pg_attribute where attrelid = 'orders'::regclass and attnum > 0 order by attnum"
    views = "select relname from pg_class where relname in ('ids', 'by_customer') order by 1"
    for query in (bodies, columns, views):
        assert pair.source.execute(query).fetchall() == pair.target.execute(query).fetchall()
    [partition] = watched.after("create table metrics_2 partition of metrics for values from (100) to (200)")
    assert partition.kind == "partition"
    assert read_pulse(pair.source) == watched.sentinel.known.pulse
