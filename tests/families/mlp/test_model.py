from __future__ import annotations

import pytest
import torch
from torch import nn

from nasflow.families.mlp.model import build
from nasflow.spaces import NetworkIO

FORM = {"activation": "tanh", "normalisation": "layer", "dropout": 0.3, "widths": [16, 8]}


def kinds(**changes: object) -> list[str]:
    return [type(module).__name__ for module in build({**FORM, **changes}, NetworkIO(1, 8, 5))]  # type: ignore[union-attr]


def test_layers_in_order() -> None:
    hidden = ["Linear", "LayerNorm", "Tanh", "Dropout"]
    assert kinds() == ["Flatten", *hidden, *hidden, "Linear"]
    assert kinds(dropout=0.0, normalisation="none", widths=[4]) == ["Flatten", "Linear", "Identity", "Tanh", "Linear"]


def test_large_images_are_averaged_over_squares() -> None:
    network = build({**FORM, "dropout": 0.0}, NetworkIO(1, 64, 5)).eval()
    images = torch.randn(2, 1, 64, 64)
    smooth = nn.AvgPool2d(2)(images).repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(network(images), network(smooth), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("normalisation", "biases"), [("batch", 1), ("layer", 3), ("none", 3)])
def test_a_bias_only_where_it_changes_anything(normalisation: str, biases: int) -> None:
    network = build({**FORM, "normalisation": normalisation}, NetworkIO(1, 8, 5))
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    assert sum(layer.bias is not None for layer in linear) == biases


def test_dropout_acts_in_training_only() -> None:
    network = build(FORM, NetworkIO(1, 8, 5))
    images = torch.randn(4, 1, 8, 8)
    assert not torch.equal(network.train()(images), network(images))
    assert torch.equal(network.eval()(images), network(images))


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu", "tanh", "sigmoid"])
def test_the_signal_neither_dies_nor_explodes(activation: str) -> None:
    torch.manual_seed(0)
    form = {"activation": activation, "normalisation": "none", "dropout": 0.0, "widths": [256] * 8}
    logits = build(form, NetworkIO(1, 8, 5))(torch.randn(64, 1, 8, 8))
    assert 1e-3 < logits.std().item() < 10
