"""Promises of numbers in arrays: they are found like in a dictionary."""

from __future__ import annotations

from dtsrun.pairs import ById, Pairs


def test_pairs_are_found_by_their_first():
    pairs = Pairs([(7, 3), (4294967295, 1), (7, 1), (0, 4294967295), (7, 2)])
    assert [pairs.of(number) for number in (0, 6, 7, 8, 4294967295)] == [[4294967295], [], [1, 2, 3], [], [1]]
    assert [number in pairs for number in (0, 6, 7, 8, 4294967295)] == [True, False, True, False, True]
    assert list(pairs) == [(0, 4294967295), (7, 1), (7, 2), (7, 3), (4294967295, 1)]
    assert Pairs([]).of(1) == []


def test_numbers_by_id():
    found = ById()
    found[3] = 0
    found[5000] = 2**40
    found[3] = 9
    assert [found.get(number) for number in (0, 3, 4, 5000, 5001, 10**9)] == [None, 9, None, 2**40, None, None]
    assert (3 in found, 4 in found) == (True, False)
