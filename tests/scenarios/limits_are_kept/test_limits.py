"""What a user sets as a limit of the load is kept to, and what dtsrun chose is said."""

from __future__ import annotations

import pytest
from runs import Bench

RATE = 4 * 2**20


@pytest.fixture
def shop(bench: Bench) -> Bench:
    """Two tables of some eight megabytes each."""
    bench.on_source(None, "create database shop")
    for name in ("a", "b"):
        bench.on_source(
            "shop",
            f"create table public.{name} (n int primary key, note text);"
            f" insert into public.{name} select n, repeat(md5(n::text), 30) from generate_series(1, 8000) n",
        )
    return bench


def test_a_rate_holds_for_all_copies_together(shop: Bench) -> None:
    done = shop.run(shop.spec(resources={"copy": 2, "rate_limit": "4MB/s", "index_memory": "64MB"}))
    assert done.code == 0, done.said
    assert "at most 4 MB/s over all copies" in done.said
    assert "each index is built in 32 MB of memory" in done.said
    copies = [step for key, step in shop.steps().items() if "full/public." in key]
    began = min(step.started_at for step in copies if step.started_at)
    ended = max(step.finished_at for step in copies if step.finished_at)
    size = sum(step.bytes for step in copies)
    assert size > 14 * 2**20
    assert 0.9 * RATE <= size / (ended - began).total_seconds() <= 1.1 * RATE
    assert shop.differences() == []


def test_what_was_chosen_is_said_before_and_while_it_runs(shop: Bench) -> None:
    spec = shop.spec(resources={"copy": "auto", "index": "auto"})
    planned = " ".join(shop.run("plan", spec).out.split())
    assert "indexes at once (auto: the source has" in planned
    assert "2 tables in binary" in planned
    assert "indexes at once (auto: the source has" in shop.run(spec).said
