"""Every table gets what its changes are found by, the application's statements never fail, and all is given back."""

import pytest

from dtsrun.api import Connection, Identity, Route
from dtsrun.errors import MigrationError
from dtsrun.incremental.identities import Decision, apply, decide, identity_rows
from dtsrun.incremental.publications import drop_publication, keep_only, publication_names, publish, published
from dtsrun.postgres.session import connect

TABLES = """
create table keyed (id int primary key, v text);
create table by_index (a int not null, b int not null, c text);
create unique index by_index_ab on by_index (a, b);
create unique index by_index_partial on by_index (a) where b > 0;
create table whole (a int, b text);
create table documents (a int, b json);
create table own_full (a int, b text);
alter table own_full replica identity full;
create table silenced (id int primary key);
alter table silenced replica identity nothing;
create table filtered (id int primary key, day date);
create table "na""me, ü" (a int);
create unlogged table unlogged (a int);
create table parent (a int primary key);
create table heir (b int) inherits (parent);
create table parted (id int, day date) partition by list (id);
create table parted_1 partition of parted for values in (1, 2);
"""

EXPECTED = {
    "keyed": (Identity.KEY, None),
    "by_index": (Identity.INDEX, "using index by_index_ab"),
    "whole": (Identity.FULL, "full"),
    "documents": (Identity.INSERT_ONLY, None),
    "own_full": (Identity.KEY, None),
    "silenced": (Identity.INDEX, "default"),
    "filtered": (Identity.FULL, "full"),
    'na"me, ü': (Identity.FULL, "full"),
    "parent": (Identity.KEY, None),
    "heir": (Identity.FULL, "full"),
    "parted_1": (Identity.FULL, "full"),
}


def decided(source: Connection, wanted: dict[str, str] | None = None) -> dict[str, Decision]:
    oids = [row.oid for row in source.execute("select oid from pg_class where relnamespace = 'public'::regnamespace")]
    filters = {source.execute("select 'public.filtered'::regclass::oid as oid").fetchone().oid: "day > '2026-01-01'"}
    return {d.table.name: d for d in decide(identity_rows(source, oids), filters, wanted or {})}


def identities(source: Connection) -> dict[str, str]:
    rows = source.execute("select relname, relreplident from pg_class where relnamespace = 'public'::regnamespace")
    return {row.relname: row.relreplident for row in rows}


@pytest.fixture
def tables(source: Connection) -> Connection:
    source.execute(TABLES)
    return source


def test_each_table_is_followed_as_well_as_it_can_be(tables: Connection) -> None:
    found = decided(tables)
    assert {name: (d.table.identity, d.change and d.change.partition("identity ")[2]) for name, d in found.items()} == (
        EXPECTED
    )


def test_the_users_word_goes_before(tables: Connection) -> None:
    assert decided(tables, {"public.whole": "insert_only"})["whole"].table.identity is Identity.INSERT_ONLY


def test_no_statement_of_the_application_fails_while_all_is_published(tables: Connection) -> None:
    before, found = identities(tables), decided(tables)
    for decision in found.values():
        apply(tables, decision)
    names = publish(tables, "dtsrun_tested", [d.table for d in found.values()], major=16)
    assert names == ("dtsrun_tested", "dtsrun_tested_i")
    for name in (*EXPECTED, "parted"):
        quoted = '"' + name.replace('"', '""') + '"'
        column = '"' + tables.execute(f"select * from {quoted}").description[0].name + '"'
        tables.execute(f"update {quoted} set {column} = {column}; delete from {quoted}")
    for name in names:
        drop_publication(tables, name)
    for decision in found.values():
        if decision.undo:
            tables.execute(decision.undo)
    assert identities(tables) == before


def test_publications_hold_the_tables_and_nothing_that_comes_later(tables: Connection) -> None:
    found = decided(tables)
    names = publish(tables, "dtsrun_tested", [d.table for d in found.values()], major=16)
    tables.execute("create table later (a int); create table heir_2 () inherits (parent)")
    assert published(tables, names) == {d.table.oid for d in found.values()}
    kept = {found["keyed"].table.oid, found["parent"].table.oid, found["documents"].table.oid}
    keep_only(tables, names, kept)
    assert published(tables, names) == kept
    # Made anew, as after a start that was killed half-way.
    publish(tables, "dtsrun_tested", [d.table for d in found.values()], major=16)
    assert len(published(tables, names)) == len(found)


def test_more_tables_than_one_statement_takes(source: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dtsrun.incremental.publications.TABLES_AT_ONCE", 3)
    source.execute(";".join(f"create table t{n} (id int primary key)" for n in range(10)))
    oids = [row.oid for row in source.execute("select oid from pg_class where relname like 't_'")]
    tables = [decision.table for decision in decide(identity_rows(source, oids), {}, {})]
    names = publish(source, "dtsrun_tested", tables, major=16)
    assert len(published(source, names)) == 10
    keep_only(source, names, [])
    assert published(source, names) == set()


def test_publications_are_named_by_what_they_hold() -> None:
    assert publication_names("x", []) == ("x",)


def test_a_table_that_somebody_locks_is_named(
    tables: Connection, source_route: Route, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dtsrun.incremental.identities.LOCK_SECONDS", 1)
    with connect(source_route, database) as other:
        other.execute("begin; select from public.whole; lock table public.whole in access share mode")
        with pytest.raises(
            MigrationError, match=r"identity of public\.whole cannot be set, since the table was locked"
        ):
            apply(tables, decided(tables)["whole"])


def test_a_table_of_somebody_else_is_named_with_what_its_owner_can_do(
    tables: Connection, source_route: Route, database: str
) -> None:
    decision = decided(tables)["whole"]
    tables.execute("create role stranger; grant usage on schema public to stranger")
    try:
        tables.execute("set role stranger")
        with pytest.raises(MigrationError, match=r"public\.whole has no key") as caught:
            apply(tables, decision)
        assert "alter table public.whole replica identity full" in (caught.value.hint or "")
    finally:
        tables.execute("reset role; drop owned by stranger; drop role stranger")
