"""A whole database arrives, or what was chosen of it; twice is once; what changes afterwards is found."""

from __future__ import annotations

import pytest
from runs import Bench


@pytest.fixture
def shop(bench: Bench) -> Bench:
    bench.seed("small_shop.sql")
    return bench


def test_an_instance_arrives_without_any_difference(shop: Bench) -> None:
    done = shop.run(shop.spec(), "--yes")

    assert done.code == 0, done.said
    assert shop.differences() == []
    assert shop.leftovers() == {}
