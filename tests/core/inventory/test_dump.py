"""Promises of the reading of definitions: nothing is skipped, changed or left lying about."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pgdumplib.dump
import pytest

from dtsrun import texts
from dtsrun.api import Entry, ObjectKind, Section
from dtsrun.errors import MigrationError, PluginError
from dtsrun.inventory import dump
from dtsrun.inventory.dump import dump_entries, without_internal_options
from dtsrun.postgres.session import connect

HOSTILE = "na\"me=1 'x' %41 \\ e&host=1?a/b@c:d#e"

SHOP = """
create table customers (id int primary key, name text not null, tag text);
comment on table customers is 'who buys';
create table orders (id serial primary key, customer int references customers);
comment on constraint orders_pkey on orders is 'the key';
create index on orders (customer);
create view totals as select customer, count(*) from orders group by 1;
create view by_key as select c.* from customers c group by c.id;
create materialized view cached as select * from totals;
create unique index on cached (customer);
comment on index cached_customer_idx is 'an index';
create function touch() returns trigger language plpgsql as 'begin return new; end';
create trigger touched before update on orders for each row execute procedure touch();
create rule quiet as on delete to orders do instead nothing;
alter table customers enable row level security;
create policy own on customers using (true);
create statistics linked on id, name from customers;
create publication news for table orders;
alter default privileges grant select on tables to public;
alter table customers add constraint named check (name <> '') not valid;
"""


def by_label(entries: Iterable[Entry]) -> dict[str, Entry]:
    return {entry.label: entry for entry in entries}


class TestEntries:
    def test_all_objects_are_there_with_their_kind(self, source_route, database, kinds):
        found = by_label(dump_entries(source_route, database(source_route, SHOP), kinds))
        assert found["TABLE public.customers"].kind == "object.tables"
        assert found["TABLE public.customers"].relkind == "r"
        assert found["TABLE public.customers"].access_method == "heap"
        assert found["VIEW public.totals"].relkind == "v"
        assert found["TRIGGER public.orders touched"].kind == "object.others"
        assert "CREATE TABLE public.customers" in found["TABLE public.customers"].sql
        assert found["TABLE public.customers"].drop_sql == "DROP TABLE public.customers;\n"

    def test_the_databases_own_entries_are_there(self, source_route, database, kinds):
        name = database(source_route, "select")
        with connect(source_route) as connection:
            connection.execute(f"comment on database {name} is 'a shop'")
            connection.execute(f"alter database {name} set work_mem = '5MB'")
            connection.execute(f"revoke connect on database {name} from public")
        found = by_label(dump_entries(source_route, name, kinds))
        assert f"DATABASE {name}" in found
        assert "work_mem" in found[f"DATABASE PROPERTIES {name}"].sql
        assert "a shop" in found[f"COMMENT DATABASE {name}"].sql
        assert "REVOKE CONNECT" in found[f"ACL DATABASE {name}"].sql

    def test_settings_of_the_restoring_session_are_no_objects(self, source_route, database, kinds):
        types = {e.type for e in dump_entries(source_route, database(source_route, "select"), kinds)}
        assert types.isdisjoint({"ENCODING", "STDSTRINGS", "SEARCHPATH"})

    def test_every_dependency_is_listed_and_stands_before(self, source_route, database, kinds):
        seen: set[int] = set()
        for entry in dump_entries(source_route, database(source_route, SHOP), kinds):
            assert seen.issuperset(entry.depends_on), entry.label
            seen.add(entry.id)

    def test_large_objects_are_left_to_the_catalogs(self, source_route, database, kinds):
        name = database(source_route, "select lo_create(0) from generate_series(1, 3)")
        assert not [e for e in dump_entries(source_route, name, kinds) if "LARGE" in e.name or "BLOB" in e.type]

    def test_our_own_schema_is_no_object_of_the_users(self, source_route, database, kinds):
        name = database(source_route, "create schema _dtsrun create table marks (a int); create schema _dtsrun2")
        schemas = {e.schema or e.name for e in dump_entries(source_route, name, kinds)}
        assert "_dtsrun" not in schemas
        assert "_dtsrun2" in schemas

    def test_a_hostile_database_name(self, source_route, database, kinds):
        name = database(source_route, "create table t (a int)", name=HOSTILE)
        found = by_label(dump_entries(source_route, name, kinds))
        assert f"DATABASE {HOSTILE}" in found
        assert "TABLE public.t" in found

    def test_hostile_names_of_objects(self, source_route, database, kinds):
        name = database(source_route, 'create schema "a.b\nc"; create table "a.b\nc"."T \\ ""x"" é" (a int)')
        found = {(e.schema, e.name) for e in dump_entries(source_route, name, kinds)}
        assert any(schema and schema.startswith("a.b") and 'T \\ "x" é' in name for schema, name in found)

    def test_a_database_in_another_encoding_is_read_as_text(self, source_route, database, kinds):
        options = "encoding 'LATIN1' locale 'C' template template0"
        name = database(source_route, "create table \"grüße\" (a int default ascii('ß'))", options=options)
        assert "ß" in by_label(dump_entries(source_route, name, kinds))["TABLE public.grüße"].sql


class TestSections:
    @pytest.fixture
    def found(self, source_route, database, kinds):
        return by_label(dump_entries(source_route, database(source_route, SHOP), kinds))

    @pytest.mark.parametrize(
        "label",
        [
            "CONSTRAINT public.orders orders_pkey",
            "FK CONSTRAINT public.orders orders_customer_fkey",
            "CHECK CONSTRAINT public.customers named",
            "INDEX public.orders_customer_idx",
            "TRIGGER public.orders touched",
            "RULE public.orders quiet",
            "POLICY public.customers own",
            "ROW SECURITY public.customers",
            "STATISTICS public.linked",
            "PUBLICATION news",
            "PUBLICATION TABLE public.news orders",
        ],
    )
    def test_what_comes_after_the_data(self, found, label):
        assert found[label].section is Section.POST_DATA

    @pytest.mark.parametrize(
        "label",
        [
            "TABLE public.orders",
            "SEQUENCE public.orders_id_seq",
            "SEQUENCE OWNED BY public.orders_id_seq",
            "DEFAULT public.orders id",
            "VIEW public.totals",
            "MATERIALIZED VIEW public.cached",
            "FUNCTION public.touch()",
            "COMMENT public.TABLE customers",
        ],
    )
    def test_what_comes_before_the_data(self, found, label):
        assert found[label].section is Section.PRE_DATA

    def test_a_comment_goes_with_what_it_is_about(self, found):
        assert found["COMMENT public.INDEX cached_customer_idx"].section is Section.POST_DATA
        assert found["COMMENT public.CONSTRAINT orders_pkey ON orders"].section is Section.POST_DATA

    def test_a_view_that_needs_a_key_is_finished_after_the_data(self, found):
        assert found["VIEW public.by_key"].section is Section.PRE_DATA
        assert found["RULE public.by_key _RETURN"].section is Section.POST_DATA

    def test_a_materialized_view_that_needs_a_key_is_put_off(self, source_route, database, kinds):
        text = """
            create table t (id int primary key, a int);
            create materialized view late as select t.* from t group by id;
            comment on materialized view late is 'needs the key';
        """
        found = by_label(dump_entries(source_route, database(source_route, text), kinds))
        assert found["MATERIALIZED VIEW public.late"].section is Section.POST_DATA
        assert found["COMMENT public.MATERIALIZED VIEW late"].section is Section.POST_DATA


class TestClaims:
    def test_a_type_that_no_kind_claims_stops_the_task(self, source_route, database, kinds):
        name = database(source_route, "create type mood as enum ('good', 'bad')")
        fewer = [kind for kind in kinds if "TYPE" not in kind.entry_types]
        with pytest.raises(MigrationError) as raised:
            dump_entries(source_route, name, fewer)
        assert "no object kind claims the type TYPE of public.mood" in raised.value.message
        assert name in raised.value.message
        assert "entry_types" in (raised.value.hint or "")

    def test_a_type_that_two_kinds_claim_stops_the_task(self, kinds):
        class Greedy(ObjectKind):
            name = "object.greedy"
            entry_types = ("VIEW",)

        with pytest.raises(MigrationError, match=r"both object\.views and object\.greedy claim .* VIEW"):
            dump.Claims([*kinds, Greedy()], "shop")


class TestTheTool:
    def test_it_reads_in_the_given_snapshot(self, source_route, database, kinds):
        name = database(source_route, "create table before (a int)")
        with connect(source_route, name) as holder, connect(source_route, name) as other:
            holder.execute("begin isolation level repeatable read")
            snapshot = holder.execute("select pg_export_snapshot() as name").fetchone().name
            other.execute("create table public.afterwards (a int)")
            found = by_label(dump_entries(source_route, name, kinds, snapshot=snapshot))
        assert "TABLE public.before" in found
        assert "TABLE public.afterwards" not in found

    def test_what_it_says_is_passed_on(self, source_route, kinds, database):
        with pytest.raises(MigrationError, match="pg_dump"):
            dump_entries(source_route, database(source_route, "select"), kinds, snapshot="no-such-1")

    def test_none_that_is_new_enough(self, source_route, database, kinds):
        with pytest.raises(PluginError, match="no pg_dump of PostgreSQL 77"):
            dump_entries(source_route, database(source_route, "select"), kinds, at_least=77)

    def test_its_file_is_private_and_removed(self, source_route, database, kinds, monkeypatch, tmp_path):
        modes: list[tuple[int, int]] = []
        really_read = dump._read_archive

        def spy(path: Path, take: Callable[[pgdumplib.models.Entry], None]) -> None:
            modes.append((stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)))
            really_read(path, take)

        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        monkeypatch.setattr(dump, "_read_archive", spy)
        previous = os.umask(0)
        try:
            dump_entries(source_route, database(source_route, "select"), kinds)
        finally:
            os.umask(previous)
        assert modes == [(0o600, 0o700)]
        assert list(tmp_path.iterdir()) == []

    def test_a_full_disk_is_an_error_of_ours(self, source_route, database, kinds, monkeypatch):
        def pwrite(*_):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(texts, "FLUSHED_BYTES", 10)
        monkeypatch.setattr(texts.os, "pwrite", pwrite)
        with pytest.raises(MigrationError, match="cannot be kept in .*: No space left on device"):
            dump_entries(source_route, database(source_route, "select"), kinds)

    def test_a_broken_archive_is_an_error_of_ours(self, tmp_path):
        broken = tmp_path / "broken.dump"
        broken.write_bytes(b"PGDMP\x01\x10\x00\x04\x08\x01\x00\x00")
        with pytest.raises(MigrationError, match="cannot be read"):
            dump._read_archive(broken, lambda entry: None)


class TestInternalOptions:
    def test_they_vanish_and_the_users_stay(self):
        given = (
            "ALTER TABLE ONLY public.t ALTER COLUMN a SET (n_distinct=5, pg_attver=3);\n"
            "ALTER TABLE ONLY public.t ALTER COLUMN b SET (pg_attver=1);\n"
            "ALTER TABLE ONLY public.t ALTER COLUMN c SET STATISTICS 7;\n"
        )
        cleaned = without_internal_options(given)
        assert "pg_attver" not in cleaned
        assert "ALTER COLUMN a SET (n_distinct=5);" in cleaned
        assert "ALTER COLUMN b" not in cleaned
        assert "ALTER COLUMN c SET STATISTICS 7;" in cleaned

    def test_everything_else_is_left_as_it_is(self):
        given = "CREATE TABLE t (\n    a text DEFAULT 'pg_attver=3'::text\n);\n"
        assert without_internal_options(given) == given
