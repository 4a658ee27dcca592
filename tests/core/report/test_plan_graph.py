"""The graph of a plan, as text that Mermaid and Graphviz can read."""

from __future__ import annotations

import re

import pytest

from dtsrun.api import Lane, Step
from dtsrun.plan import Plan
from dtsrun.report.plan_graph import MOST_NODES, dot, make_graph, mermaid, plan_graph


def step(key: str, *after: str, stage: str = "full", title: str = "", size: int = 0) -> Step:
    return Step(
        key=key,
        stage=stage,
        plugin="object.tables",
        action="copy",
        database="shop",
        title=title or key,
        after=after,
        size=size,
        lane=Lane.COPY,
    )


def planned(*steps: Step) -> Plan:
    return Plan({s.key: s for s in steps}, tuple(s.key for s in steps))


@pytest.fixture
def small() -> Plan:
    return planned(
        step("a", stage="structure"),
        step("b", "a", size=2048),
        step("c", "a", "b", stage="indexes"),
        step("d", "a", "b", "c", stage="verify"),
    )


@pytest.fixture
def large() -> Plan:
    copies = [step(f"c{i}", "s", size=1024) for i in range(MOST_NODES)]
    indexes = [step(f"i{i}", f"c{i}", stage="indexes") for i in range(MOST_NODES)]
    return planned(step("s", stage="structure"), *copies, *indexes)


def test_edges_that_others_imply_are_left_out(small: Plan) -> None:
    assert make_graph(small).edges == (("n0", "n1"), ("n1", "n2"), ("n2", "n3"))


def test_an_edge_that_nothing_implies_stays() -> None:
    graph = make_graph(planned(step("a"), step("b"), step("c", "a", "b"), step("d", "c", "b")))
    assert graph.edges == (("n0", "n2"), ("n1", "n2"), ("n2", "n3"))


def test_nodes_stand_in_their_stage(small: Plan) -> None:
    clusters = make_graph(small).clusters
    assert clusters == {"structure": ("n0",), "full": ("n1",), "indexes": ("n2",), "verify": ("n3",)}


def test_many_steps_are_drawn_as_groups_with_their_number_and_size(large: Plan) -> None:
    graph = make_graph(large)
    assert list(graph.labels.values()) == [
        "shop: s",
        "shop/full/object.tables.copy\n200 steps, 200 kB",
        "shop/indexes/object.tables.copy\n200 steps",
    ]
    assert graph.edges == (("n0", "n1"), ("n1", "n2"))


def test_groups_that_wait_for_each_other_keep_every_edge() -> None:
    chain = [step("k0")]
    for number in range(1, MOST_NODES + 2):
        chain.append(step(f"k{number}", f"k{number - 1}", stage="indexes" if number % 2 else "full"))
    assert set(make_graph(planned(*chain)).edges) == {("n0", "n1"), ("n1", "n0")}


def test_a_plan_at_the_limit_is_drawn_step_by_step() -> None:
    assert len(make_graph(planned(*(step(f"t{i}") for i in range(MOST_NODES)))).labels) == MOST_NODES


def test_mermaid(small: Plan) -> None:
    assert mermaid(make_graph(small)).splitlines()[:4] == [
        "flowchart LR",
        '  subgraph stage0["structure"]',
        '    n0["shop: a"]',
        "  end",
    ]
    assert mermaid(make_graph(small)).splitlines()[-3:] == ["  n0 --> n1", "  n1 --> n2", "  n2 --> n3"]


def test_graphviz(small: Plan) -> None:
    lines = dot(make_graph(small)).splitlines()
    assert lines[0] == "digraph plan {"
    assert '    n1 [label="shop: b, 2.0 kB"];' in lines
    assert lines[-2:] == ["  n2 -> n3;", "}"]


@pytest.mark.parametrize("language", ["mermaid", "dot"])
def test_braces_and_blocks_are_closed(small: Plan, language: str) -> None:
    text = plan_graph(small, language)
    if language == "dot":
        assert text.count("{") == text.count("}")
    else:
        assert len(re.findall(r"^  subgraph ", text, re.MULTILINE)) == len(re.findall(r"^  end$", text, re.MULTILINE))


@pytest.mark.parametrize("name", ['na"me', "back\\slash", "end", "[x]", "a{b}", "<b>", "`tick`", "%%", "ü#1;"])
def test_no_name_breaks_out_of_its_label(name: str) -> None:
    graph = make_graph(planned(step("k", title=name)))
    inner = mermaid(graph).splitlines()[2].removeprefix('    n0["').removesuffix('"]')
    assert not set(inner.replace("shop: ", "")) & set('"[]{}<>`%\\')
    label = next(line for line in dot(graph).splitlines() if "n0 [" in line)
    assert re.fullmatch(r'    n0 \[label="(?:[^"\\]|\\.)*"\];', label)
