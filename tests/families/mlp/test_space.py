from __future__ import annotations

import pytest
from pydantic import ValidationError

from nasflow.families.mlp.space import MlpFamily, MlpOptions, shrinking
from nasflow.spaces import NetworkIO, SearchSpace
from nasflow.testing.families import FamilyContract

FORM = {"activation": "relu", "normalisation": "none", "dropout": 0.0, "widths": [10, 20]}


class TestMlp(FamilyContract):
    family = "mlp"


class TestOneLayer(FamilyContract):
    family = "mlp"
    options = {"max_depth": 1, "widths": [8], "dropouts": [0.2]}
    samples = 4


@pytest.mark.parametrize(("size", "square"), [(8, 1), (32, 1), (33, 2), (64, 2), (65, 3), (224, 7)])
def test_large_images_are_averaged_down(size: int, square: int) -> None:
    assert shrinking(size) == square
    assert 8 <= size // square <= 32


@pytest.mark.parametrize(
    ("normalisation", "parameters"),
    [
        ("none", 65 * 10 + 11 * 20 + 21 * 7),
        ("layer", 65 * 10 + 2 * 10 + 11 * 20 + 2 * 20 + 21 * 7),
        ("batch", 64 * 10 + 2 * 10 + 10 * 20 + 2 * 20 + 21 * 7),
    ],
)
def test_parameters_by_hand(normalisation: str, parameters: int) -> None:
    cost = MlpFamily().cost({**FORM, "normalisation": normalisation}, NetworkIO(1, 8, 7))
    assert cost.parameters == parameters
    assert cost.flops == 64 * 10 + 10 * 20 + 20 * 7


def test_size_of_the_space() -> None:
    per_network = 5 * 3 * 3
    assert SearchSpace.of("mlp", NetworkIO(1, 8, 10)).size == per_network * (4 + 4**2 + 4**3 + 4**4)


def test_every_assignment_is_a_network_of_its_own() -> None:
    options = {"max_depth": 2, "widths": [8, 16], "dropouts": [0.0, 0.5]}
    space = SearchSpace.of("mlp", NetworkIO(1, 8, 10), options)
    assert space.canonical_size() == space.size == 5 * 3 * 2 * (2 + 4)


def test_layers_that_do_not_exist_have_no_width() -> None:
    tree = SearchSpace.of("mlp", NetworkIO(1, 8, 10)).tree
    made = {"depth": 1, "activation": "relu", "normalisation": "none", "dropout": 0.0, "layer1.width": 64}
    assert MlpFamily().form(tree.checked(made), MlpOptions())["widths"] == [64]


@pytest.mark.parametrize("options", [{"max_depth": 0}, {"dropouts": [1.0]}, {"widths": [0]}, {"width": [8]}])
def test_options_are_checked(options: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MlpOptions.model_validate(options)
