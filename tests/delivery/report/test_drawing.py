"""Drawings hold every operation once, without overlaps, from top to bottom."""

import itertools
import random
import re
from xml.etree import ElementTree

import pytest

from nasflow.delivery.report.drawing import draw
from nasflow.spaces import Graph, NetworkIO, Node, SearchSpace


def rectangles(svg: str) -> list[tuple[float, float, float, float]]:
    root = ElementTree.fromstring(svg)
    found = [tuple(float(e.get(k, "")) for k in ("x", "y", "width", "height")) for e in root.iter("rect")]
    for circle in root.iter("circle"):
        x, y, r = (float(circle.get(k, "")) for k in ("cx", "cy", "r"))
        found.append((x - r, y - r, 2 * r, 2 * r))
    return found  # type: ignore[return-value]


def check(svg: str, graph: Graph) -> None:
    boxes = rectangles(svg)
    assert len(boxes) == len(graph.nodes)
    assert svg.count('class="edge"') == len(graph.edges)
    for (ax, ay, aw, ah), (bx, by, bw, bh) in itertools.combinations(boxes, 2):
        assert ax + aw <= bx or bx + bw <= ax or ay + ah <= by or by + bh <= ay, "boxes overlap"
    view = [float(v) for v in re.search(r'viewBox="([^"]+)"', svg)[1].split()]  # type: ignore[index]
    for x, y, w, h in boxes:
        assert view[0] <= x
        assert x + w <= view[0] + view[2]
        assert view[1] <= y
        assert y + h <= view[1] + view[3]


@pytest.mark.parametrize("family", ["cnn", "cell", "mlp"])
def test_networks_of_every_family(family: str) -> None:
    space, draws = SearchSpace.of(family, NetworkIO(3, 32, 10)), random.Random(0)
    for _ in range(25):
        graph = space.provider.graph(space.sample(draws).form)
        check(draw(graph, "winner"), graph)


def chain(*labels: str) -> tuple[Node, ...]:
    return tuple(Node(f"n{place}", label, "3×3, 16") for place, label in enumerate(labels))


def test_a_chain_runs_from_top_to_bottom() -> None:
    graph = Graph(chain("a", "bb", "cc", "dd"), (("n0", "n1"), ("n1", "n2"), ("n2", "n3")))
    tops = [box[1] for box in rectangles(draw(graph, "t"))]
    assert tops == sorted(tops)


def test_skips_run_in_lanes_of_their_own() -> None:
    nodes = chain(*(f"op {n}" for n in range(6)))
    steps = tuple((f"n{n}", f"n{n + 1}") for n in range(5))
    graph = Graph(nodes, (*steps, ("n0", "n3"), ("n1", "n4"), ("n3", "n5")))
    svg = draw(graph, "t")
    check(svg, graph)
    lanes = re.findall(r"V[\d.]+Q(-?[\d.]+)", svg)
    assert len(set(lanes)) == 2, "those that overlap differ, those that do not share a lane"
    right = max(x + w for x, _, w, _ in rectangles(svg))
    assert all(float(lane) > right for lane in lanes)


def test_branches_stand_side_by_side_in_the_order_of_their_neighbours() -> None:
    nodes = (Node("i", "in"), *(Node(f"a{n}", f"a{n}") for n in range(3)), *(Node(f"b{n}", f"b{n}") for n in (2, 0, 1)))
    edges = tuple(("i", f"a{n}") for n in range(3)) + tuple((f"a{n}", f"b{n}") for n in range(3))
    svg = draw(Graph(nodes, edges), "t")
    check(svg, Graph(nodes, edges))
    root = ElementTree.fromstring(svg)
    at = {e.text: float(e.get("x", "")) for e in root.iter("text")}
    order = sorted(range(3), key=lambda n: at[f"a{n}"])
    assert order == sorted(range(3), key=lambda n: at[f"b{n}"]), "no two edges cross"


def test_long_details_are_wrapped_and_all_text_is_escaped() -> None:
    graph = Graph((Node("x", "<script>", "wide " * 20), Node("y", "+")), (("x", "y"),))
    svg = draw(graph, 'a "quoted" <title>')
    assert "<script>" not in svg
    check(svg, graph)
    lines = [e.text or "" for e in ElementTree.fromstring(svg).iter("text")]
    assert max(len(line) for line in lines) <= 30
    assert " ".join(lines).count("wide") == 20


def test_nothing_to_draw() -> None:
    assert draw(Graph((), ()), "t") == ""
    check(draw(Graph((Node("x", "alone"),), ()), "t"), Graph((Node("x", "alone"),), ()))
