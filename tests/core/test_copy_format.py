"""Binary is chosen where its bytes mean the same on both ends, and nowhere else; each choice has its reason."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dtsrun.api import Column, Database, TypeFact
from dtsrun.copy_format import Format, Formats

BUILT_IN = {
    16: "bool",
    23: "int4",
    25: "text",
    26: "oid",
    142: "xml",
    1033: "aclitem",
    2205: "regclass",
    3615: "tsquery",
}

TYPES = (
    *(TypeFact(oid=oid, schema="pg_catalog", name=name, form="b") for oid, name in BUILT_IN.items()),
    TypeFact(oid=1007, schema="pg_catalog", name="_int4", form="a", parts=(23,)),
    TypeFact(oid=2210, schema="pg_catalog", name="_regclass", form="a", parts=(2205,)),
    TypeFact(oid=3904, schema="pg_catalog", name="int4range", form="r", parts=(23,)),
    TypeFact(oid=13_000, schema="information_schema", name="cardinal_number", form="d", parts=(23,)),
    TypeFact(oid=13_001, schema="information_schema", name="_cardinal_number", form="a", parts=(13_000,)),
    TypeFact(oid=83, schema="pg_catalog", name="pg_class", form="c", parts=(26,)),
    TypeFact(oid=20_000, schema="public", name="mood", form="e"),
    TypeFact(oid=20_001, schema="public", name="_mood", form="a", parts=(20_000,)),
    TypeFact(oid=20_002, schema="public", name="pair", form="c", parts=(23, 25)),
    TypeFact(oid=20_003, schema="public", name="short", form="d", parts=(25,)),
    TypeFact(oid=20_004, schema="public", name="named", form="d", parts=(2205,)),
    TypeFact(oid=20_005, schema="public", name="span", form="r", parts=(23,)),
    TypeFact(oid=20_006, schema="public", name="spans", form="m", parts=(23,)),
    TypeFact(oid=20_007, schema="public", name="hstore", form="b", extension="hstore"),
    TypeFact(oid=20_008, schema="public", name="int4", form="b"),
    TypeFact(oid=20_009, schema="public", name="traps", form="c", parts=(23, 1033)),
)


def chosen(*oids: int, wanted: str = "auto", target: int = 18, encoding: str = "UTF8", **more: Any) -> Format:
    database = Database(
        name="shop",
        target="shop",
        owner="me",
        encoding=encoding,
        is_template=False,
        bytes=0,
        entries={},
        relations={},
        types={each.oid: each for each in TYPES},
    )
    formats = Formats(database, wanted=wanted, target_major=target, **more)
    return formats.choose(column(oid) for oid in oids)


def column(oid: int) -> Column:
    return Column(name=f"c{oid}", type="a type", type_oid=oid, not_null=False, generated="", identity="")


@pytest.mark.parametrize("oid", [16, 23, 25, 26, 1007, 3904, 13_000, 20_000, 20_001, 20_002, 20_003, 20_005, 20_006])
def test_binary_is_taken(oid: int) -> None:
    assert chosen(16, oid) == Format("binary")


@pytest.mark.parametrize("oid", [142, 1033, 2205, 3615, 2210, 13_001, 83, 20_004, 20_007, 20_008, 20_009, 99_999])
def test_text_is_taken_and_the_column_named(oid: int) -> None:
    found = chosen(16, oid)
    assert found.name == "text"
    assert found.reason.startswith(f"column c{oid} (a type) has ")


@pytest.mark.parametrize("oid", [20_001, 20_002])
def test_what_names_types_by_their_oids_needs_a_target_that_takes_them(oid: int) -> None:
    assert chosen(oid, target=14).name == "binary"
    assert chosen(oid, target=13).name == "text"
    assert "by their OIDs" in chosen(oid, target=13).reason
    assert chosen(20_000, 1007, target=10).name == "binary"


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_text_in_an_encoding_that_our_sessions_do_not_speak_goes_as_text(encoding: str) -> None:
    assert chosen(16, 23, 1007, encoding=encoding).name == "binary"
    for oid in (25, 20_000, 20_002, 20_003):
        assert f"holds text in {encoding}" in chosen(oid, encoding=encoding).reason


def test_types_of_an_extension_are_taken_where_its_kind_says_so() -> None:
    known = frozenset({("hstore", "hstore")})
    assert chosen(20_007, extension_types=known).name == "binary"
    assert chosen(20_008, extension_types=frozenset({("hstore", "int4")})).name == "text"


def test_a_type_that_the_target_keeps_may_be_another() -> None:
    assert "the target keeps" in chosen(20_003, kept=frozenset({"DOMAIN public.short"})).reason
    assert "the target keeps" in chosen(20_002, kept=frozenset({"TYPE public.pair"})).reason
    assert "the target keeps" in chosen(20_001, kept=frozenset({"TYPE public.mood"})).reason


def test_text_that_is_asked_for_needs_no_reason() -> None:
    assert chosen(23, wanted="text") == Format("text")
    assert chosen(23, wanted="binary") == Format("binary")
    assert chosen(2205, wanted="binary").name == "text"


def test_a_built_in_name_in_another_place_is_another_type() -> None:
    mine = replace(TYPES[1], oid=20_100)
    assert mine.schema == "pg_catalog"
    assert Formats(
        Database(name="s", target="s", owner="", encoding="UTF8", is_template=False, bytes=0, entries={}, relations={},
                 types={20_100: mine}),
        wanted="auto", target_major=18,
    ).choose([column(20_100)]).name == "text"  # fmt: skip
