"""A database of every version arrives on other versions without any difference, on older ones too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from runs import Bench, server_of_version

SEED = Path(__file__).parents[2] / "core" / "compare" / "definitions_seed.sql"
ROWS = """
create table public.big (id int primary key, m text, f float8, t timestamptz);
insert into public.big select g, md5(g::text), g * 1.1::float8, '2026-01-01'::timestamptz + g * interval '1 s'
    from generate_series(1, 20000) g;
select lo_from_bytea(4711, '\\x00ff');
"""

PAIRS = [(source, 18) for source in range(10, 19)] + [(10, 15), (13, 16), (15, 17)]
DOWNGRADES = [(18, 16), (17, 15), (16, 13)]


@pytest.mark.matrix
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_database_arrives_without_any_difference(source: int, target: int, tmp_path: Path) -> None:
    with pair(source, target, tmp_path) as bench:
        done = bench.run(bench.spec(), "--yes")

        assert done.code == 0, done.said
        assert bench.differences() == []
        assert bench.leftovers() == {}


@pytest.mark.matrix
@pytest.mark.parametrize(("source", "target"), DOWNGRADES)
def test_a_database_arrives_on_an_older_server_and_what_that_has_no_word_for_is_named(
    source: int, target: int, tmp_path: Path
) -> None:
    with pair(source, target, tmp_path) as bench:
        done = bench.run(bench.spec(), "--yes")

        assert done.code == 0, done.said
        assert f"with {source} " in done.said
        assert all("MAINTAIN" in each or "multirange" in each for each in bench.differences())
        assert ("is without the privilege MAINTAIN" in done.said) == (source >= 17)
        assert ("is without its multirange type" in done.said) == (target < 14)
        assert bench.leftovers() == {}


@pytest.mark.matrix
def test_what_an_older_server_refuses_is_named_and_the_rest_arrives(tmp_path: Path) -> None:
    with pair(18, 16, tmp_path) as bench:
        bench.on_source("shop", "create table public.newest (a int, b int generated always as (a * 2) virtual)")

        done = bench.run(bench.spec(), "--yes")

        assert done.code == 5, done.said
        assert "TABLE public.newest" in done.said
        assert "syntax error" in done.said
        assert bench.on_target("shop", "select count(*) as n from public.big") == [(20000,)]


@contextmanager
def pair(source: int, target: int, tmp_path: Path) -> Iterator[Bench]:
    """Two servers of these versions, the source with a database."""
    with ExitStack() as stack:
        bench = Bench(
            stack.enter_context(server_of_version(source)), stack.enter_context(server_of_version(target)), tmp_path
        )
        stack.callback(bench.close)
        bench.on_source(None, "create database shop")
        bench.on_source("shop", "set search_path = public; " + SEED.read_text("utf-8"))
        bench.on_source("shop", ROWS)
        yield bench
