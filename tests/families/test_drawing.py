from __future__ import annotations

from nasflow.families.drawing import Drawing
from nasflow.spaces import Graph, Node


def test_vertices_and_edges_in_the_order_drawn() -> None:
    drawing = Drawing()
    first = drawing.add("a")
    second = drawing.add("b", "wide", [first])
    drawing.add("c", after=[second, first])
    assert drawing.graph() == Graph(
        (Node("n0", "a"), Node("n1", "b", "wide"), Node("n2", "c")), (("n0", "n1"), ("n1", "n2"), ("n0", "n2"))
    )


def test_a_repeated_source_is_one_edge() -> None:
    drawing = Drawing()
    first = drawing.add("a")
    drawing.add("+", after=[first, first])
    assert drawing.graph().edges == (("n0", "n1"),)


def test_a_sum_is_drawn_once() -> None:
    drawing = Drawing()
    first, second = drawing.add("a"), drawing.add("b")
    added = drawing.total([first, second])
    assert drawing.total([first, second]) == added
    assert drawing.total([second]) == second
    drawing.total([first, first, second])
    assert [(node.label, node.detail) for node in drawing.graph().nodes[2:]] == [("+", ""), ("+", "2× + 1×")]
