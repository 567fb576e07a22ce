"""What a drawing of a network has to be."""

from __future__ import annotations

from itertools import count

from nasflow.spaces import Graph

MOST_VERTICES = 40


def check_drawing(graph: Graph) -> None:
    """Fail where a drawing is not one connected graph without cycles, from one source to one sink."""
    names = [node.id for node in graph.nodes]
    assert len(set(names)) == len(names), "two vertices share an id"
    assert 2 <= len(names) < MOST_VERTICES, f"{len(names)} vertices"
    assert all(node.label for node in graph.nodes), "a vertex has no label"
    assert len(set(graph.edges)) == len(graph.edges), "an edge is drawn twice"
    assert {end for edge in graph.edges for end in edge} == set(names), "an edge or a vertex hangs in the air"
    assert len(set(names) - {head for _, head in graph.edges}) == 1, "not one source"
    assert len(set(names) - {tail for tail, _ in graph.edges}) == 1, "not one sink"
    left = set(graph.edges)
    for _ in count():
        heads = {head for _, head in left}
        free = {edge for edge in left if edge[0] not in heads}
        if not free:
            break
        left -= free
    assert not left, f"a cycle among {sorted(left)}"
