"""Order of things that depend on each other; names every cycle.

Used for plugins among plugins (known before connecting) and for steps among steps (known from the source's data).
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Mapping


class CycleError(ValueError):
    """The graph has a cycle; `cycle` names its nodes, the first one repeated at the end."""

    def __init__(self, cycle: tuple[str, ...]) -> None:
        super().__init__(" -> ".join(cycle))
        self.cycle = cycle


def topological_order(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the nodes so that each comes after those it depends on, and else in the mapping's own order.

    Args:
        edges: node -> nodes that must come before. Nodes that are no key of the mapping do not count. Where thousands
            of nodes wait for the same thousands, they had better share one collection: it is then looked at once.

    Raises:
        CycleError: there is no such order.
    """
    rank = {node: number for number, node in enumerate(edges)}
    # By the identity of what they wait for: all nodes with the same collection become free at once.
    before = {id(others): {other for other in others if other in rank} for others in edges.values()}
    members: defaultdict[int, list[str]] = defaultdict(list)
    for node, others in edges.items():
        members[id(others)].append(node)
    followers: defaultdict[str, list[int]] = defaultdict(list)
    for group, needed in before.items():
        for other in needed:
            followers[other].append(group)
    waiting = {group: len(needed) for group, needed in before.items()}
    ready = [rank[node] for group, count in waiting.items() if count == 0 for node in members[group]]
    heapq.heapify(ready)
    nodes = list(edges)
    order: list[str] = []
    while ready:
        node = nodes[heapq.heappop(ready)]
        order.append(node)
        for group in followers.pop(node, ()):
            waiting[group] -= 1
            if waiting[group] == 0:
                for follower in members[group]:
                    heapq.heappush(ready, rank[follower])
    if len(order) < len(nodes):
        raise CycleError(_find_cycle({n: before[id(edges[n])] for n in nodes if waiting[id(edges[n])] > 0}))
    return tuple(order)


def _find_cycle(before: Mapping[str, set[str]]) -> tuple[str, ...]:
    """Return one cycle of a graph in which every node waits for another one."""
    node = next(iter(before))
    path: list[str] = []
    while node not in path:
        path.append(node)
        node = min(other for other in before[node] if other in before)
    return (*path[path.index(node) :], node)
