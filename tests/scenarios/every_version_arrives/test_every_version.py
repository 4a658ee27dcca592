"""A database of every version arrives on every version that is not older, without any difference."""

from __future__ import annotations

from contextlib import ExitStack
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


@pytest.mark.matrix
@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_a_database_arrives_without_any_difference(source: int, target: int, tmp_path: Path) -> None:
    with ExitStack() as stack:
        bench = Bench(
            stack.enter_context(server_of_version(source)), stack.enter_context(server_of_version(target)), tmp_path
        )
        stack.callback(bench.close)
        bench.on_source(None, "create database shop")
        bench.on_source("shop", "set search_path = public; " + SEED.read_text("utf-8"))
        bench.on_source("shop", ROWS)

        done = bench.run(bench.spec(), "--yes")

        assert done.code == 0, done.said
        assert bench.differences() == []
        assert bench.leftovers() == {}
