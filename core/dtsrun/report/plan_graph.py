"""A plan as a graph for Mermaid or Graphviz: each step a node, or groups of steps where there are too many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dtsrun.api import Step
from dtsrun.graph import CycleError, topological_order
from dtsrun.plan import Plan
from dtsrun.report.figures import plural, size_text
from dtsrun.report.plan_text import step_title
from dtsrun.report.stages import stage_order

MOST_NODES: Final = 200
"""Steps beyond which a drawing of each would not be read by anybody."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by a short id, in order, and edges between the ids."""

    labels: Mapping[str, str]
    clusters: Mapping[str, tuple[str, ...]]
    """Stage -> ids of its nodes."""
    edges: tuple[tuple[str, str], ...]


def plan_graph(plan: Plan, language: str) -> str:
    """Return the graph in a language: `mermaid` or `dot`."""
    graph = make_graph(plan)
    return mermaid(graph) if language == "mermaid" else dot(graph)


def make_graph(plan: Plan) -> Graph:
    """Return the plan's graph, without edges that others imply."""
    grouped = len(plan.order) > MOST_NODES
    group_of = {key: _group(plan.steps[key]) if grouped else key for key in plan.order}
    members: dict[str, list[Step]] = {}
    for key in plan.order:
        members.setdefault(group_of[key], []).append(plan.steps[key])
    ids = {group: f"n{number}" for number, group in enumerate(members)}
    clusters: dict[str, list[str]] = {}
    for group, steps in members.items():
        clusters.setdefault(steps[0].stage, []).append(ids[group])
    return Graph(
        labels={ids[group]: _label(group, steps) for group, steps in members.items()},
        clusters={stage: tuple(clusters[stage]) for stage in sorted(clusters, key=stage_order)},
        edges=_edges(plan, group_of, ids),
    )


def _group(step: Step) -> str:
    return f"{step.database or 'server'}/{step.stage}/{step.plugin}.{step.action}"


def _label(group: str, steps: Sequence[Step]) -> str:
    size = sum(step.size for step in steps)
    name = step_title(steps[0]) if len(steps) == 1 else f"{group}\n{plural(len(steps), 'step')}"
    return f"{name}, {size_text(size)}" if size else name


def _edges(plan: Plan, group_of: Mapping[str, str], ids: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    waits: dict[str, dict[str, None]] = {node: {} for node in ids.values()}
    for key in plan.order:
        node = ids[group_of[key]]
        waits[node].update(dict.fromkeys(ids[group_of[before]] for before in plan.steps[key].after))
        waits[node].pop(node, None)
    return tuple((before, node) for node, kept in _reduced(waits).items() for before in kept)


def _reduced(waits: Mapping[str, Iterable[str]]) -> Mapping[str, Iterable[str]]:
    """Return what each node waits for, without what it waits for by way of another.

    Groups may wait for each other, as their steps do not; then every edge stays.
    """
    try:
        order = topological_order(waits)
    except CycleError:
        return waits
    ancestors: dict[str, set[str]] = {}
    kept: dict[str, list[str]] = {node: [] for node in waits}
    for node in order:
        beyond = set().union(*(ancestors[before] for before in waits[node]))
        kept[node] = [before for before in waits[node] if before not in beyond]
        ancestors[node] = beyond.union(waits[node])
    return kept


def mermaid(graph: Graph) -> str:
    """Return the graph as a Mermaid flowchart."""
    lines = ["flowchart LR"]
    for number, (stage, nodes) in enumerate(graph.clusters.items()):
        lines.append(f"  subgraph stage{number}[{_mermaid_text(stage)}]")
        lines += [f"    {node}[{_mermaid_text(graph.labels[node])}]" for node in nodes]
        lines.append("  end")
    return "\n".join([*lines, *(f"  {before} --> {after}" for before, after in graph.edges)])


def _mermaid_text(text: str) -> str:
    """Return a quoted label; whatever Mermaid could take for its own syntax is written as a character code."""
    escaped = "".join(_mermaid_character(character) for character in text)
    return f'"{escaped}"'


def _mermaid_character(character: str) -> str:
    if character == "\n":
        return "<br/>"
    plain = character.isalnum() or character in " .,:_-/()"
    return character if plain else f"#{ord(character)};"


def dot(graph: Graph) -> str:
    """Return the graph for Graphviz."""
    lines = ["digraph plan {", "  rankdir=LR;", "  node [shape=box];"]
    for number, (stage, nodes) in enumerate(graph.clusters.items()):
        lines += [f"  subgraph cluster_{number} {{", f"    label={_dot_text(stage)};"]
        lines += [f"    {node} [label={_dot_text(graph.labels[node])}];" for node in nodes]
        lines.append("  }")
    return "\n".join([*lines, *(f"  {before} -> {after};" for before, after in graph.edges), "}"])


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
