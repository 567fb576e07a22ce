from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.layered.drawing import draw
from nasflow.testing.families import check_drawing

CONV: dict[str, Any] = {"layer": "conv", "width": 8, "kernel": 3, "stride": 1, "activation": "relu"}
RESIDUAL = {**CONV, "residual": True}
GLOBAL = {"layer": "global_pool", "kind": "average"}


def words(layers: list[dict[str, Any]]) -> list[str]:
    graph = draw({"layers": layers})
    check_drawing(graph)
    return [f"{node.label} {node.detail}".strip() for node in graph.nodes]


def test_every_layer_is_told_with_its_settings() -> None:
    layers = [
        {**CONV, "stride": 2},
        {**CONV, "layer": "separable", "kernel": 5},
        {"layer": "pool", "kind": "max"},
        {"layer": "dropout", "share": 0.25},
        GLOBAL,
        {"layer": "linear", "width": 4, "activation": "silu"},
    ]
    assert words(layers) == [
        "image",
        "convolution 3×3, 8, relu, stride 2",
        "separable 5×5, 8, relu",
        "max pooling 3×3, stride 2",
        "dropout 0.25",
        "global pooling average",
        "linear 4, silu",
        "logits linear",
    ]


def test_a_shortcut_goes_round_its_layer() -> None:
    graph = draw({"layers": [CONV, RESIDUAL, GLOBAL]})
    names = {node.id: node.label for node in graph.nodes}
    plus = next(node for node, label in names.items() if label == "+")
    assert sorted(source for source, target in graph.edges if target == plus) == ["n1", "n2"]


@pytest.mark.parametrize("count", [24, 60, 199])
def test_equal_neighbours_of_a_deep_network_are_counted(count: int) -> None:
    assert words([CONV, *[RESIDUAL] * count, GLOBAL]) == [
        "image",
        "convolution 3×3, 8, relu",
        f"convolution 3×3, 8, relu, each with a shortcut, {count} times",
        "global pooling average",
        "logits linear",
    ]
