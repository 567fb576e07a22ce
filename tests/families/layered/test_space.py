from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from nasflow.families.layered.space import LayersFamily, LayersOptions
from nasflow.spaces import Choices, NetworkIO, SearchSpace
from nasflow.testing.families import FamilyContract

EXAMPLE = Path(__file__).resolve().parents[3] / "examples/layers.yaml"
OPTIONS: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text())["space"]["options"]
IO = NetworkIO(1, 8, 10)
CONV = {"layer": "conv", "width": 16, "kernel": 3, "stride": 1, "activation": "relu"}
GLOBAL = {"layer": "global_pool", "kind": "average"}


class TestExample(FamilyContract):
    family = "layers"
    options = OPTIONS
    samples = 8


class TestVarying(FamilyContract):
    """Strides, optional layers, copies of their own, choices in choices."""

    family = "layers"
    options = {
        "activation": ["gelu"],
        "layers": [
            {"conv": {"width": 8, "stride": [4, 2]}, "name": "stem"},
            {
                "repeat": [2, 0, 1, 3],
                "vary": True,
                "name": "body",
                "layers": [
                    {
                        "separable": {
                            "width": [8, 16],
                            "kernel": [5, 1],
                            "residual": True,
                            "activation": ["silu", "tanh"],
                        }
                    },
                    {"choose": {"none": [], "pool": [{"pool": ["average", "max"]}]}, "name": "shrink"},
                ],
            },
            {"dropout": 0.1},
            {"global_pool": ["max", "average"]},
            {"repeat": [0, 1], "layers": [{"linear": [16, 32]}, {"dropout": 0.5}]},
        ],
    }
    samples = 8


class TestOneNetwork(FamilyContract):
    family = "layers"
    options = {"layers": [{"conv": 16}]}
    samples = 1


def tree(layers: list[Any], **options: Any) -> list[tuple[Any, ...]]:
    space = SearchSpace.of("layers", IO, {"layers": layers, **options})
    return [(c.name, c.values, *((c.parent, c.when) if c.parent else ())) for c in space.tree]


def form(layers: list[Any], choices: Choices | None = None, **options: Any) -> list[Any]:
    space = SearchSpace.of("layers", IO, {"layers": layers, **options})
    made: list[Any] = space.architecture(space.tree.completed(choices or {})).form["layers"]
    return made


def test_the_choices_of_the_example() -> None:
    assert tree(**OPTIONS) == [
        ("activation", ("relu", "silu")),
        ("layer1.width", (16, 32)),
        ("layer1.kernel", (3, 5)),
        ("layer2.repeat", (1, 2, 3)),
        ("layer2.layer1.residual", (True, False)),
        ("layer3.kind", ("max", "average")),
        ("layer4.choose", ("wide", "deep")),
        ("layer5.share", (0.0, 0.2)),
        ("layer6.width", (64, 128)),
    ]


def test_copies_may_differ() -> None:
    layers = [{"repeat": [1, 3], "vary": True, "layers": [{"conv": [8, 16]}], "name": "body"}]
    assert tree(layers) == [
        ("body.repeat", (1, 3)),
        ("body.1.layer1.width", (8, 16)),
        ("body.2.layer1.width", (8, 16), "body.repeat", (3,)),
        ("body.3.layer1.width", (8, 16), "body.repeat", (3,)),
    ]
    made = {"body.repeat": 3, "body.2.layer1.width": 16}
    assert [layer.get("width") for layer in form(layers, made)] == [8, 16, 8, None]


def test_copies_are_alike_otherwise() -> None:
    layers = [{"repeat": [0, 2], "layers": [{"conv": [8, 16]}]}, {"conv": 16}]
    assert tree(layers) == [("layer1.repeat", (0, 2)), ("layer1.layer1.width", (8, 16), "layer1.repeat", (2,))]
    assert [layer.get("width") for layer in form(layers, {"layer1.repeat": 2, "layer1.layer1.width": 16})] == [
        16, 16, 16, None,
    ]  # fmt: skip
    assert form(layers) == [CONV, GLOBAL]


def test_branches_hang_on_their_choice() -> None:
    layers = [
        {"choose": {"a": [{"conv": [8, 16]}], "b": [{"repeat": [1, 2], "layers": [{"pool": ["max", "average"]}]}]}}
    ]
    assert tree(layers) == [
        ("layer1.choose", ("a", "b")),
        ("layer1.a.layer1.width", (8, 16), "layer1.choose", ("a",)),
        ("layer1.b.layer1.repeat", (1, 2), "layer1.choose", ("b",)),
        ("layer1.b.layer1.layer1.kind", ("max", "average"), "layer1.choose", ("b",)),
    ]


def test_an_only_branch_is_no_choice() -> None:
    assert tree([{"choose": {"a": [{"conv": [8, 16]}]}}]) == [("layer1.a.layer1.width", (8, 16))]


def test_names_of_ones_own() -> None:
    assert tree([{"conv": [8, 16], "name": "stem"}, {"linear": [8, 16]}]) == [
        ("stem.width", (8, 16)),
        ("layer2.width", (8, 16)),
    ]


def test_the_ways_to_write_a_layer() -> None:
    long = [
        {"conv": {"width": [16], "kernel": 3, "stride": [1]}},
        {"pool": {"kind": ["max"]}},
        {"dropout": {"share": 0.5}},
    ]
    short = [{"conv": 16}, {"pool": "max"}, {"dropout": 0.5}]
    assert LayersOptions(layers=long) == LayersOptions(layers=short)


def test_a_spelt_out_default_is_the_same_space() -> None:
    plain = SearchSpace.of("layers", IO, {"layers": [{"conv": 16}]})
    spelt = {"layers": [{"conv": {"width": [16], "kernel": 3, "stride": 1, "residual": False}}], "activation": "relu"}
    assert SearchSpace.of("layers", IO, spelt).id == plain.id


@pytest.mark.parametrize(
    ("layers", "fits"),
    [
        ([{"conv": {"width": 16, "residual": True}}], False),
        ([{"conv": 16}, {"conv": {"width": 16, "residual": True}}], True),
        ([{"conv": 16}, {"pool": "max"}, {"conv": {"width": 16, "residual": True}}], True),
        ([{"conv": 8}, {"conv": {"width": 16, "residual": True}}], False),
        ([{"conv": 16}, {"conv": {"width": 16, "residual": True, "stride": 2}}], False),
    ],
)
def test_a_shortcut_only_where_it_fits(layers: list[Any], fits: bool) -> None:
    assert form(layers)[-2].get("residual", False) is fits


def test_what_changes_nothing_is_not_in_the_form() -> None:
    assert form([{"conv": 16}, {"dropout": 0}]) == form([{"conv": 16}]) == [CONV, GLOBAL]
    assert form([{"conv": 16}, {"global_pool": "average"}]) == [CONV, GLOBAL]
    assert form([{"choose": {"a": [{"conv": 16}], "b": []}}]) == [CONV, GLOBAL]


def test_maps_are_averaged_before_the_first_linear_layer() -> None:
    kinds = [layer["layer"] for layer in form([{"conv": 8}, {"linear": 4}, {"dropout": 0.1}, {"linear": 4}])]
    assert kinds == ["conv", "global_pool", "linear", "dropout", "linear"]


def test_a_layers_own_activation() -> None:
    layers = [{"conv": {"width": 8, "activation": "tanh"}}, {"linear": 4}]
    assert [layer.get("activation") for layer in form(layers, {"activation": "silu"}, activation=["relu", "silu"])] == [
        "tanh", None, "silu",
    ]  # fmt: skip


def test_cost_by_hand() -> None:
    layers = [
        {"conv": {"width": 8, "stride": 2}},
        {"separable": {"width": 16, "kernel": 5}},
        {"pool": "max"},
        {"linear": 4},
    ]
    parameters = 9 * 8 + 16 + (25 * 8 + 16) + (8 * 16 + 32) + (17 * 4) + (5 * 10)
    flops = 9 * 8 * 16 + 25 * 8 * 16 + 8 * 16 * 16 + 16 * 4 + 4 * 10
    cost = LayersFamily().cost({"layers": form(layers)}, IO)
    assert (cost.parameters, cost.flops) == (parameters, flops)


def test_equivalent_networks_are_one() -> None:
    layers = [
        {"conv": 16},
        {"choose": {"a": [{"conv": 16}, {"conv": 16}], "b": [{"repeat": [1, 2], "layers": [{"conv": 16}]}]}},
    ]
    space = SearchSpace.of("layers", IO, {"layers": layers})
    assert space.size == 3
    assert space.canonical_size() == 2
