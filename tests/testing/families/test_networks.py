"""The cost of a built network is counted layer by layer."""

from __future__ import annotations

from torch import nn

from nasflow.spaces import NetworkCost, NetworkIO
from nasflow.testing.families.networks import measured_cost


def test_cost_is_measured_in_convolutions_and_linear_layers() -> None:
    convolution = nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2)
    network = nn.Sequential(convolution, nn.ReLU(), nn.Flatten(), nn.Linear(64, 3, bias=False))
    assert measured_cost(network, NetworkIO(2, 8, 3)) == NetworkCost(36 + 4 + 192, 36 * 16 + 192)


def test_frozen_parameters_do_not_count() -> None:
    layer = nn.Linear(4, 2)
    layer.bias.requires_grad_(False)
    assert measured_cost(nn.Sequential(nn.Flatten(), layer), NetworkIO(1, 2, 2)).parameters == 8
