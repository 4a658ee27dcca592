"""Order of things that depend on each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dtsrun.graph import CycleError, topological_order


def test_each_comes_after_what_it_depends_on():
    assert topological_order({"c": ["b"], "b": ["a"], "a": []}) == ("a", "b", "c")


def test_what_is_free_keeps_its_own_order():
    assert topological_order({"z": [], "a": [], "m": []}) == ("z", "a", "m")


def test_dependencies_outside_of_the_graph_do_not_count():
    assert topological_order({"a": ["elsewhere"]}) == ("a",)


def test_those_that_share_what_they_wait_for_come_after_all_of_it_in_their_own_order():
    shared = ["a", "b"]
    edges = {"z": shared, "y": shared, "b": ["a"], "a": [], "x": ["z"]}
    assert topological_order(edges) == ("a", "b", "z", "y", "x")


def test_a_cycle_through_what_is_shared_is_named():
    shared = ["b"]
    with pytest.raises(CycleError, match="b -> c -> b"):
        topological_order({"a": shared, "b": ["c"], "c": shared})


def test_a_cycle_is_named_from_end_to_end():
    with pytest.raises(CycleError) as raised:
        topological_order({"free": [], "a": ["b", "free"], "b": ["c"], "c": ["a"]})
    cycle = raised.value.cycle
    assert cycle[0] == cycle[-1]
    assert set(cycle) == {"a", "b", "c"}
    assert str(raised.value) == " -> ".join(cycle)


def test_one_that_waits_for_itself_is_a_cycle():
    with pytest.raises(CycleError, match="a -> a"):
        topological_order({"a": ["a"]})


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=120))
def test_every_graph_without_cycles_is_ordered(pairs: list[tuple[int, int]]):
    edges: dict[str, list[str]] = {str(n): [] for n in range(31)}
    for low, high in (sorted(pair) for pair in pairs if pair[0] != pair[1]):
        edges[str(high)].append(str(low))
    order = topological_order(edges)
    assert sorted(order) == sorted(edges)
    place = {node: number for number, node in enumerate(order)}
    assert all(place[other] < place[node] for node, others in edges.items() for other in others)


def test_ten_thousand_in_a_chain_are_no_trouble():
    edges = {str(n): [str(n - 1)] for n in range(1, 10_000)} | {"0": []}
    assert topological_order(edges)[-1] == "9999"
