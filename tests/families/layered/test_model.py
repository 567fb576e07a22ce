from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from nasflow.families.layered.model import Shortcut, build
from nasflow.spaces import NetworkIO

CONV: dict[str, Any] = {"layer": "conv", "width": 8, "kernel": 3, "stride": 1, "activation": "relu"}
GLOBAL = {"layer": "global_pool", "kind": "average"}


def kinds(*layers: dict[str, Any]) -> list[str]:
    network = build({"layers": list(layers)}, NetworkIO(1, 8, 5))
    leaves = [module for module in network.modules() if next(module.children(), None) is None]
    return ["Conv2d" if isinstance(module, nn.Conv2d) else type(module).__name__ for module in leaves]


def test_layers_in_order() -> None:
    separable = {**CONV, "layer": "separable", "activation": "silu"}
    dropout, linear = {"layer": "dropout", "share": 0.5}, {"layer": "linear", "width": 4, "activation": "tanh"}
    assert kinds(CONV, {"layer": "pool", "kind": "max"}, separable, dropout, GLOBAL, linear) == [
        *("Conv2d", "BatchNorm2d", "ReLU", "MaxPool2d"),
        *("Conv2d", "BatchNorm2d", "SiLU", "Conv2d", "BatchNorm2d", "SiLU"),
        *("Dropout", "GlobalPool", "Linear", "Tanh", "Linear"),
    ]


def test_convolutions_before_a_normalisation_have_no_bias() -> None:
    network = build({"layers": [CONV, {**CONV, "layer": "separable"}, GLOBAL]}, NetworkIO(1, 8, 5))
    assert all(module.bias is None for module in network.modules() if isinstance(module, nn.Conv2d))


def test_a_shortcut_adds_the_input() -> None:
    images = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(Shortcut(nn.Identity())(images), 2 * images)
    assert sum(isinstance(m, Shortcut) for m in build(_residual(True), NetworkIO(1, 8, 5)).modules()) == 1
    assert sum(isinstance(m, Shortcut) for m in build(_residual(False), NetworkIO(1, 8, 5)).modules()) == 0


def _residual(residual: bool) -> dict[str, Any]:
    return {"layers": [CONV, {**CONV, **({"residual": True} if residual else {})}, GLOBAL]}


@pytest.mark.parametrize("smaller", [4, 8, 11, 16, 31])
def test_smaller_images_than_it_was_built_for(smaller: int) -> None:
    """The family says so by `any_size`."""
    strided = {**CONV, "stride": 4}
    layers = [strided, {"layer": "pool", "kind": "max"}, {"layer": "pool", "kind": "average"}, CONV, GLOBAL]
    network = build({"layers": layers}, NetworkIO(3, 32, 5))
    logits = network(torch.randn(2, 3, smaller, smaller))
    assert logits.shape == (2, 5)
    assert bool(torch.isfinite(logits).all())
