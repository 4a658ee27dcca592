"""Sequences are set ahead by what they may give away, in their direction and within their bounds."""

import pytest

from dtsrun.sequence_margin import SECONDS, Bounds, ahead

UP = Bounds(increment=1, least=1, most=10_000, cycles=False)
DOWN = Bounds(increment=-5, least=-1_000, most=-1, cycles=False)
ROUND = Bounds(increment=1, least=1, most=100, cycles=True)


@pytest.mark.parametrize(
    ("value", "before", "seconds", "bounds", "expected"),
    [
        pytest.param(160, 100, 60, UP, 160 + SECONDS, id="one a second"),
        pytest.param(101, 100, 3600, UP, 102, id="a slow one, by one at least"),
        pytest.param(100, 100, 60, UP, 100, id="still"),
        pytest.param(9_990, 100, 60, UP, 10_000, id="up to its bound"),
        pytest.param(50, 100, 60, UP, 50, id="set back by hand"),
        pytest.param(-110, -10, 60, DOWN, -310, id="downward, in whole increments"),
        pytest.param(-998, -10, 60, DOWN, -998, id="no room for an increment"),
        pytest.param(10, 95, 1200, ROUND, 12, id="gone round once"),
        pytest.param(95, 10, 60, ROUND, 100, id="not beyond where it goes round"),
    ],
)
def test_where_it_is_set(value: int, before: int, seconds: float, bounds: Bounds, expected: int) -> None:
    assert ahead(value, before, seconds, bounds) == expected
