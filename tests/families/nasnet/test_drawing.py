from __future__ import annotations

import random
from typing import Any

from nasflow.families.nasnet.contraction import NONE, SKIP, Cell
from nasflow.families.nasnet.drawing import draw
from nasflow.families.nasnet.layout import layout
from nasflow.spaces import NetworkIO, SearchSpace
from nasflow.testing.families import check_drawing

NORMAL = Cell((((0, "sep_conv_3x3"), (1, "max_pool_3x3")), ((1, "conv_1x1"), (2, SKIP))))
REDUCTION = Cell((((0, "dil_conv_5x5"), (1, SKIP)), ((1, "avg_pool_3x3"), (0, "conv_3x3"))), 2)


def form(normal: Cell, reduction: Cell, stacks: int = 1, reductions: int = 2) -> dict[str, Any]:
    return {"width": 4, "separable_repeats": 1, **layout(normal, reduction, stacks, reductions)}


def test_each_cell_is_drawn_once() -> None:
    graph = draw(form(NORMAL, REDUCTION, stacks=2))
    check_drawing(graph)
    drawn = [(node.label, node.detail) for node in graph.nodes]
    assert drawn == [
        ("image", ""),
        ("stem", "3×3, 12"),
        ("input", "1×1, an earlier cell"),
        ("input", "1×1, the cell before"),
        ("convolution", "1×1"),
        ("max pooling", "3×3"),
        ("separable", "3×3"),
        ("+", ""),
        ("output", "normal cell, 6 copies"),
        ("input", "1×1, an earlier cell"),
        ("input", "1×1, the cell before"),
        ("average pooling", "3×3, stride 2"),
        ("convolution", "3×3, stride 2"),
        ("dilated separable", "5×5, stride 2"),
        ("factorised reduction", "stride 2"),
        ("+", ""),
        ("+", ""),
        ("concatenation", "reduction cell, 2 copies"),
        ("global pooling", "average"),
        ("logits", "linear"),
    ]


def test_operations_inside_a_reduction_cell_have_no_stride() -> None:
    inner = Cell((((0, "conv_3x3"), (1, "conv_3x3")), ((2, "conv_1x1"), (2, SKIP))), 2)
    details = [node.detail for node in draw(form(NORMAL, inner)).nodes if node.label == "convolution"]
    assert details == ["1×1", "3×3, stride 2", "3×3, stride 2", "1×1"]


def test_the_stem_is_named() -> None:
    labels = [node.detail for node in draw(form(NORMAL, REDUCTION, reductions=0)).nodes if node.label == "input"]
    assert labels == ["1×1, the stem", "1×1, the stem"]


def test_a_constant_can_be_drawn() -> None:
    dead = Cell((((0, NONE), (1, NONE)),))
    graph = draw(form(dead, REDUCTION))
    check_drawing(graph)
    assert [node.label for node in graph.nodes] == ["image", "0", "logits"]


def test_the_largest_cells_can_be_read() -> None:
    """Without vertices for sums there are fewer than 40."""
    rng = random.Random(0)
    for concat in ("loose", "all"):
        space = SearchSpace.of("nasnet", NetworkIO(3, 32, 10), {"nodes": 7, "concat": concat})
        check_drawing(draw(space.at(0).form))
        for _ in range(100):
            check_drawing(draw(space.sample(rng).form))


def test_sums_are_left_out_of_large_drawings_alone() -> None:
    small = draw(form(NORMAL, REDUCTION))
    assert "+" in [node.label for node in small.nodes]
    space = SearchSpace.of("nasnet", NetworkIO(3, 32, 10), {"nodes": 7})
    assert "+" not in [node.label for node in draw(space.at(0).form).nodes]
