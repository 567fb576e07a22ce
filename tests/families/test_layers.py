from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nasflow.families.layers import GlobalPool, SqueezeExcite, activation, conv, conv_norm, initialise, stem


@pytest.mark.parametrize(
    ("name", "at_minus_one"),
    [
        ("relu", 0.0),
        ("silu", -1 / (1 + math.e)),
        ("gelu", -0.15866),
        ("tanh", math.tanh(-1)),
        ("sigmoid", 1 / (1 + math.e)),
    ],
)
def test_activations(name: str, at_minus_one: float) -> None:
    x = torch.tensor([-1.0])
    assert activation(name)(x).item() == pytest.approx(at_minus_one, abs=1e-4)
    assert x.item() == -1.0
    assert activation(name) is not activation(name)


@pytest.mark.parametrize("size", [2, 5, 8])
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
def test_convolutions_round_up(size: int, kernel: int, stride: int) -> None:
    made = conv(2, 3, kernel, stride)(torch.zeros(1, 2, size, size))
    assert made.shape == (1, 3, -(-size // stride), -(-size // stride))


@pytest.mark.parametrize(("size", "left"), [(8, 8), (64, 64), (65, 33), (130, 33), (224, 56)])
def test_stems(size: int, left: int) -> None:
    assert nn.Sequential(*stem(1, 4, size))(torch.zeros(1, 1, size, size)).shape == (1, 4, left, left)


def test_global_pools() -> None:
    x = torch.tensor([[[[1.0, 2.0], [3.0, 6.0]]]])
    assert GlobalPool()(x).tolist() == [[3.0]]
    assert GlobalPool("max")(x).tolist() == [[6.0]]


def test_squeeze_and_excitation_scales_channels() -> None:
    gate = SqueezeExcite(3, 4)
    x = torch.randn(2, 3, 4, 5)
    scale = gate(x) / x
    assert torch.allclose(scale, scale[:, :, :1, :1].expand_as(scale), atol=1e-5)
    assert bool(((scale > 0) & (scale < 1)).all())
    # The gate reads averages alone: what keeps them keeps the scale.
    moved = x.roll(1, dims=3)
    assert torch.allclose(gate(moved) / moved, scale, atol=1e-4)


def test_initialisation_keeps_the_size_of_gradients() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*conv_norm(16, 64, 3))
    initialise(network)
    weight = next(network.parameters())
    assert weight.std().item() == pytest.approx(math.sqrt(2 / (64 * 9)), rel=0.05)
