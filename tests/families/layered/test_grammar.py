from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.layered.grammar import check_sequence, copies, named, parsed

CONV = {"width": [16], "kernel": [3], "stride": [1], "residual": [False]}


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ({"conv": 16}, {"conv": CONV}),
        ({"conv": {"width": 16}, "name": "stem"}, {"conv": CONV, "name": "stem"}),
        (
            {"conv": {"width": (8, 16), "activation": "relu"}},
            {"conv": {**CONV, "width": [8, 16], "activation": ["relu"]}},
        ),
        ({"pool": ["max", "average"]}, {"pool": {"kind": ["max", "average"]}}),
        ({"dropout": 0}, {"dropout": {"share": [0.0]}}),
        ({"linear": {"width": [4]}}, {"linear": {"width": [4]}}),
        ({"repeat": 2, "layers": [{"conv": 16}]}, {"repeat": [2], "vary": False, "layers": [{"conv": CONV}]}),
        ({"choose": {"a": [], "b": [{"conv": 16}]}}, {"choose": {"a": [], "b": [{"conv": CONV}]}}),
    ],
)
def test_the_normal_form(given: Any, normal: Any) -> None:
    found = parsed(given)
    assert found == normal
    assert parsed(found) == found


def test_a_name_alone_is_no_layer() -> None:
    with pytest.raises(ValueError, match="'name' is no layer"):
        parsed({"name": "stem"})


def test_what_is_given_stays_as_it_is() -> None:
    given = {"repeat": 2, "layers": [{"conv": 16}]}
    parsed(given)
    assert given == {"repeat": 2, "layers": [{"conv": 16}]}


def test_names_by_place_or_of_ones_own() -> None:
    layers = [parsed({"conv": 1}), parsed({"conv": 1, "name": "stem"}), parsed({"pool": "max"})]
    assert [name for name, _ in named(layers, "body.")] == ["body.layer1", "body.stem", "body.layer3"]


@pytest.mark.parametrize(("vary", "prefixes"), [(True, ["b.1.", "b.2.", "b.3."]), (False, ["b.", "b.", "b."])])
def test_copies(vary: bool, prefixes: list[str]) -> None:
    assert copies("b", parsed({"repeat": [1, 3], "vary": vary, "layers": [{"conv": 1}]})) == prefixes


def test_a_default_name_given_to_another_layer() -> None:
    with pytest.raises(ValueError, match="two layers are called 'layer2'"):
        check_sequence([parsed({"conv": 1, "name": "layer2"}), parsed({"conv": 1})])
    check_sequence([parsed({"conv": 1, "name": "layer1"}), parsed({"choose": {"a": [{"conv": 1, "name": "layer1"}]}})])


def test_names_inside_are_checked_too() -> None:
    twice = [{"conv": 1, "name": "a"}, {"conv": 1, "name": "a"}]
    for layer in ({"repeat": 1, "layers": twice}, {"choose": {"x": twice}}):
        with pytest.raises(ValueError, match="two layers are called 'a'"):
            check_sequence([parsed(layer)])


def test_the_deepest_branch_counts() -> None:
    deep = {"repeat": [1, 20], "layers": [{"choose": {"a": [{"conv": 1}] * 10, "b": [{"conv": 1}] * 11}}]}
    with pytest.raises(ValueError, match="has 220 layers"):
        check_sequence([parsed(deep)])
    check_sequence([parsed({**deep, "repeat": [18]})])
