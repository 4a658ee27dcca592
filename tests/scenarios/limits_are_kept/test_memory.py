"""The runner's memory hardly grows with the number of tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from runs import Bench

KILOBYTES_A_TABLE = 9
"""About five, with what an interpreter takes in steps."""


def tables(bench: Bench, since: int, until: int) -> None:
    bench.on_source(
        "shop",
        f"do $$ begin for n in {since}..{until} loop"
        " execute format('create table public.t_%s (id int primary key, parent int, note text)', n);"
        " if n % 500 = 0 then commit; end if; end loop; end $$",
    )


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell a process's memory there")
def test_a_check_of_thousands_of_tables_takes_little_more_than_one_of_few(bench: Bench) -> None:
    bench.on_source(None, "create database shop")
    tables(bench, 1, 200)
    few = bench.most_memory("check", bench.spec())
    tables(bench, 201, 3200)
    many = bench.most_memory("check", bench.spec())
    assert many - few < 3000 * KILOBYTES_A_TABLE
    assert many < 120_000, few
