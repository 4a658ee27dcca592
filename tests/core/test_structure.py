"""What pg_restore adds to an entry's statements, we add too; what belongs to a skipped object stays away with it."""

from typing import Any

import pytest

from dtsrun.api import Database, Entry, Section
from dtsrun.structure import left_out, owned_by, restoring_sql


def entry(number: int, kind: str, name: str, **facts: Any) -> Entry:
    known: dict[str, Any] = {
        "schema": "public",
        "owner": "app",
        "sql": f"CREATE {kind} {name};",
        "drop_sql": f"DROP {kind} {name};\n",
        "catalog": 1259,
        "oid": number,
        "tablespace": None,
        "access_method": None,
        "relkind": None,
        "section": Section.PRE_DATA,
        "depends_on": (),
        "kind": "object.any",
    }
    return Entry(id=number, type=kind, name=name, **{**known, **facts})


def database(*entries: Entry) -> Database:
    return Database(
        name="shop",
        target="shop",
        owner="app",
        encoding="UTF8",
        is_template=False,
        bytes=0,
        entries={e.id: e for e in entries},
        relations={},
    )


def test_the_owner_is_set_after_the_statements() -> None:
    made = restoring_sql(entry(1, "TABLE", "t"), ["create table public.t ()"])
    assert made == ["create table public.t ()", 'alter table "public"."t" owner to "app"']


def test_odd_names_are_quoted() -> None:
    made = restoring_sql(entry(1, "VIEW", 'v"; drop', schema="s.1", owner="o'w ner"), ["create"])
    assert made[-1] == 'alter view "s.1"."v""; drop" owner to "o\'w ner"'


@pytest.mark.parametrize(
    ("kind", "drop", "described"),
    [
        ("FUNCTION", 'DROP FUNCTION "s 1".f(integer, "x y");\n', 'FUNCTION "s 1".f(integer, "x y")'),
        ("AGGREGATE", "DROP AGGREGATE public.counted(*);\n", "AGGREGATE public.counted(*)"),
        ("OPERATOR", "DROP OPERATOR public.->> (jsonb, text);\n", "OPERATOR public.->> (jsonb, text)"),
        ("OPERATOR CLASS", "DROP OPERATOR CLASS public.c USING btree;\n", "OPERATOR CLASS public.c USING btree"),
        ("PROCEDURE", "DROP PROCEDURE public.p(IN x integer);\n", "PROCEDURE public.p(IN x integer)"),
    ],
)
def test_what_a_name_does_not_tell_apart_is_owned_by_its_signature(kind: str, drop: str, described: str) -> None:
    made = restoring_sql(entry(1, kind, "tag", drop_sql=drop), ["create"])
    assert made == ["create", f'alter {described} owner to "app"']


@pytest.mark.parametrize("kind", ["CAST", "INDEX", "TRIGGER", "RULE", "ACL", "COMMENT", "TRANSFORM", "ACCESS METHOD"])
def test_some_things_have_no_owner_of_their_own(kind: str) -> None:
    assert restoring_sql(entry(1, kind, "x"), ["create"]) == ["create"]


def test_what_cannot_be_dropped_alone_has_no_owner_either() -> None:
    assert restoring_sql(entry(1, "SEQUENCE", "identity", drop_sql=""), ["alter table"]) == ["alter table"]


def test_a_schema_that_is_there_anyway_is_not_created_but_owned() -> None:
    comment = "-- *not* creating schema, since initdb creates it\n\n"
    public = entry(1, "SCHEMA", "public", schema=None, drop_sql="-- *not* dropping schema, since initdb creates it")
    assert restoring_sql(public, [comment]) == ['alter schema "public" owner to "app"']


def test_nothing_stays_nothing() -> None:
    assert restoring_sql(entry(1, "TABLE", "t", tablespace="fast"), [], tablespaces={"fast": "nvme"}) == []


def test_a_tablespace_is_mapped_and_put_back() -> None:
    made = restoring_sql(entry(1, "INDEX", "i", tablespace="fast"), ["create index"], tablespaces={"fast": 'nv"me'})
    assert made == ['set default_tablespace = "nv""me"', "create index", "set default_tablespace = ''"]


def test_a_tablespace_that_is_not_mapped_is_left_out() -> None:
    assert restoring_sql(entry(1, "INDEX", "i", tablespace="fast"), ["create index"]) == ["create index"]


def test_the_access_method_of_a_table_is_the_default_while_it_is_made() -> None:
    made = restoring_sql(entry(1, "TABLE", "t", relkind="r", access_method="heap", owner=None), ["create"])
    assert made == ['set default_table_access_method = "heap"', "create", "reset default_table_access_method"]


def test_a_partitioned_table_is_told_its_access_method_afterwards() -> None:
    made = restoring_sql(entry(1, "TABLE", "t", relkind="p", access_method="two", owner=None), ["create"])
    assert made == ["create", 'alter table "public"."t" set access method "two"']


TABLE = entry(1, "TABLE", "orders")
OTHER = entry(2, "TABLE", "orders to")
FUNCTION = entry(3, "FUNCTION", "f()")


@pytest.mark.parametrize(
    ("thing", "owner"),
    [
        (entry(9, "INDEX", "any", depends_on=(1, 3)), {1}),
        (entry(9, "TRIGGER", "orders stamp", depends_on=(1, 3)), {1}),
        (entry(9, "FK CONSTRAINT", "orders to_other", depends_on=(1, 2)), {1}),
        (entry(9, "ACL", "FUNCTION f()", depends_on=(3,)), {3}),
    ],
)
def test_a_property_belongs_to_one_object(thing: Entry, owner: set[int]) -> None:
    assert owned_by(thing, database(TABLE, OTHER, FUNCTION, thing)) == owner


def test_belongings_of_a_skipped_object_stay_away() -> None:
    shop = database(
        TABLE,
        OTHER,
        entry(4, "CONSTRAINT", "orders pkey", depends_on=(1,)),
        entry(5, "COMMENT", "CONSTRAINT pkey ON orders", depends_on=(4,)),
        entry(6, "FK CONSTRAINT", "orders fk", depends_on=(1, 2)),
        entry(7, "VIEW", "on_orders", depends_on=(1,)),
        entry(8, "ACL", "TABLE orders", depends_on=(1,)),
    )
    assert left_out(shop, frozenset({"TABLE public.orders"})) == {1, 4, 5, 6, 8}


def test_a_foreign_key_to_a_skipped_table_still_comes() -> None:
    shop = database(TABLE, OTHER, entry(6, "FK CONSTRAINT", "orders fk", depends_on=(1, 2)))
    assert left_out(shop, frozenset({"TABLE public.orders to"})) == {2}


def test_what_a_skipped_schema_holds_still_comes() -> None:
    schema = entry(1, "SCHEMA", "sales", schema=None)
    shop = database(schema, entry(2, "TABLE", "t", schema="sales", depends_on=(1,)))
    assert left_out(shop, frozenset({"SCHEMA sales"})) == frozenset()
