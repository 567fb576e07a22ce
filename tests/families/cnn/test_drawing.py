from __future__ import annotations

from typing import Any

from nasflow.families.cnn.drawing import draw
from nasflow.testing.families import check_drawing

LARGEST = {"kind": "residual", "depth": 3, "width": 16, "kernel": 3, "squeeze_excite": True}


def form(*stages: dict[str, Any], pooling: str = "max") -> dict[str, Any]:
    return {"stem": 8, "activation": "gelu", "head": "max", "pooling": pooling, "stages": list(stages)}


def test_the_largest_network_is_still_readable() -> None:
    graph = draw(form(*[LARGEST] * 5))
    check_drawing(graph)
    assert [node.label for node in graph.nodes].count("residual") == 15


def test_vertices_tell_the_settings() -> None:
    inverted = {"kind": "inverted", "depth": 1, "width": 24, "kernel": 5, "expansion": 4, "squeeze_excite": True}
    plain = {"kind": "plain", "depth": 1, "width": 32, "kernel": 3}
    shown = [(node.label, node.detail) for node in draw(form(inverted, plain)).nodes]
    assert shown == [
        ("image", ""),
        ("stem", "3×3, 8, gelu"),
        ("inverted residual", "5×5, 24, expansion 4, squeeze-excite"),
        ("max pooling", "3×3, stride 2"),
        ("convolution", "3×3, 32"),
        ("global pooling", "max"),
        ("logits", "linear"),
    ]


def test_strides_are_shown_on_the_block() -> None:
    plain = {"kind": "plain", "depth": 1, "width": 8, "kernel": 3}
    details = [node.detail for node in draw(form(plain, plain, pooling="strided")).nodes if node.label == "convolution"]
    assert details == ["3×3, 8", "3×3, 8, stride 2"]


def test_a_skip_is_an_edge_around_its_block() -> None:
    graph = draw(form({"kind": "plain", "depth": 1, "width": 8, "kernel": 3, "skip": True}))
    names = {node.id: node.label for node in graph.nodes}
    assert ("stem", "+") in [(names[tail], names[head]) for tail, head in graph.edges]
    assert ("convolution", "+") in [(names[tail], names[head]) for tail, head in graph.edges]


def test_new_kinds_tell_their_settings() -> None:
    shared = {"depth": 1, "kernel": 5}
    made = form(
        {"kind": "inception", "width": 16, **shared},
        {"kind": "bottleneck", "width": 24, "inner": 12, **shared},
        {"kind": "mixer", "width": 24, "expansion": 2, **shared},
        {"kind": "inception", "width": 2, **shared},
        pooling="strided",
    )
    labels = ("inception", "bottleneck", "mixer")
    assert [(node.label, node.detail) for node in draw(made).nodes if node.label in labels] == [
        ("inception", "1×1 | 5×5 | 5×5 twice | average pooling, 16"),
        ("bottleneck", "5×5, 24, 12 inside, stride 2"),
        ("mixer", "5×5, 24, expansion 2, stride 2"),
        ("inception", "1×1 | 5×5, 2, stride 2"),
    ]


def test_deep_stages_are_drawn_in_short() -> None:
    graph = draw({**form(*[{**LARGEST, "depth": 7}] * 5), "steps_down": 2})
    check_drawing(graph)
    blocks = [node.detail.rpartition(", ")[2] for node in graph.nodes if node.label == "residual"]
    assert blocks == ["squeeze-excite", "6 times"] * 5
    assert [(node.label, node.detail) for node in graph.nodes][1] == ("resize", "to 76%")
