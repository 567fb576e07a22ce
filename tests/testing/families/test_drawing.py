"""Bad drawings are refused, each for what is wrong with it."""

from __future__ import annotations

import pytest

from nasflow.spaces import Graph, Node
from nasflow.testing.families.drawing import check_drawing


def graph(nodes: str, *edges: str) -> Graph:
    return Graph(tuple(Node(name, name) for name in nodes), tuple((edge[0], edge[1]) for edge in edges))


def test_a_good_drawing_passes() -> None:
    check_drawing(graph("abcd", "ab", "ac", "bd", "cd"))


@pytest.mark.parametrize(
    ("drawn", "complaint"),
    [
        (graph("aab", "ab"), "share an id"),
        (graph("abc", "ab"), "hangs in the air"),
        (graph("ab", "ab", "ac"), "hangs in the air"),
        (graph("ab", "ab", "ab"), "drawn twice"),
        (graph("abc", "ac", "bc"), "not one source"),
        (graph("abc", "ab", "ac"), "not one sink"),
        (graph("abcd", "ab", "bc", "cb", "cd"), "a cycle"),
        (Graph(tuple(Node(str(n), "x") for n in range(40)), ()), "40 vertices"),
        (Graph((Node("a", ""), Node("b", "b")), (("a", "b"),)), "no label"),
    ],
)
def test_a_bad_drawing_is_refused(drawn: Graph, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_drawing(drawn)
