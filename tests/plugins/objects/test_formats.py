"""Rows arrive in either format of COPY between servers of all versions, and binary is taken where it is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from moving import Move, contents, moved

from dtsrun.api import Connection, Resources, Route

VALUES = Path(__file__).parent / "every_version.sql"
TABLES = ("numbers", "floats", "times", "texts", "made", "papers", "vectors", "shapes", "named")
PAIRS = [*((version, 18) for version in range(10, 18)), (10, 11), (11, 13), (12, 14), (13, 15)]
IN_TEXT = {"papers": "text", "named": "text"}

Server = Callable[[int], Route]


def formats(move: Move) -> dict[str, str]:
    """Return the formats of the tables, by name."""
    return {step.args["name"]: step.args.get("format", "text") for step in move.steps("object.tables").values()}


def images(end: Connection, table: str) -> list[tuple[Any, ...]]:
    """Return the rows as texts; floats as bytes, which versions before 12 write with other digits."""
    if table != "floats":
        return contents(end, f"public.{table}")
    query = "select float4send(r), float8send(d), array(select float8send(unnest(m))) from public.floats order by 1"
    return [tuple(row) for row in end.execute(query).fetchall()]


@pytest.mark.parametrize(
    ("source", "target"), [(16, 18), *(pytest.param(*pair, marks=pytest.mark.matrix) for pair in PAIRS)]
)
def test_values_arrive(postgres_server: Server, source: int, target: int) -> None:
    with moved(postgres_server(source), postgres_server(target), "formats", VALUES.read_text()) as move:
        assert move.outcome.deviations == move.outcome.failures == []
        for table in TABLES:
            ours, theirs = (images(end, table) for end in move.ends("formats"))
            assert ours == theirs and len(ours) > 1
        arrays = "binary" if target >= 14 else "text"
        assert formats(move) == {**dict.fromkeys(TABLES, "binary"), **IN_TEXT, "made": arrays}


def test_text_is_taken_where_it_is_asked_for(source_route: Route, target_route: Route) -> None:
    resources = Resources(format="text")
    with moved(source_route, target_route, "formats_text", VALUES.read_text(), resources=resources) as move:
        assert set(formats(move).values()) == {"text"}
        assert move.outcome.deviations == move.outcome.failures == []
        ours, theirs = (contents(end, "public.numbers") for end in move.ends("formats_text"))
        assert ours == theirs != []


def test_binary_that_is_asked_for_and_cannot_be_had_is_reported(source_route: Route, target_route: Route) -> None:
    script = "create table t (a int, r regclass); insert into t values (1, 'pg_class'); create table u (a int)"
    resources = Resources(format="binary")
    with moved(source_route, target_route, "formats_asked", script, resources=resources) as move:
        (deviation,) = move.outcome.deviations
        assert deviation.object == "TABLE public.t"
        assert "column r (regclass)" in deviation.message
        assert len(contents(move.ends("formats_asked")[1], "public.t")) == 1


EXTENSIONS = """
create extension citext; create extension cube; create extension hstore; create extension ltree; create extension isn;
create table words (c citext, cs citext[], h hstore);
insert into words values ('Ä"b', '{a,NULL}', 'a=>NULL, "b c"=>""'), ('', '{}', ''), (null, null, null);
create table plain (c citext, h hstore); insert into plain values ('Ä', 'a=>1');
create table places (c cube); insert into places values ('(1.5, -0),(NaN, 2)'), ('(3)'), (null);
create table trees (t ltree, q lquery, x ltxtquery); insert into trees values ('a.b_1.c', '*{1,2}.b*', 'a & !b@');
create table books (i isbn13); insert into books values ('978-0-11-000533-1');
"""


@pytest.mark.matrix
@pytest.mark.parametrize(("source", "target"), [(10, 13), (13, 18), (16, 17), (17, 18)])
def test_values_of_extensions_arrive(postgres_server: Server, source: int, target: int) -> None:
    with moved(postgres_server(source), postgres_server(target), "formats_ext", EXTENSIONS) as move:
        for table in ("words", "plain", "places", "trees", "books"):
            ours, theirs = (contents(end, f"public.{table}") for end in move.ends("formats_ext"))
            assert ours == theirs != []
        chosen = formats(move)
        assert (chosen["plain"], chosen["books"]) == ("binary", "text")
        assert chosen["words"] == ("binary" if target >= 14 else "text")
        assert chosen["trees"] == ("binary" if source >= 13 else "text")
        assert chosen["places"] == ("binary" if source >= 16 else "text")
        assert move.outcome.failures == []
