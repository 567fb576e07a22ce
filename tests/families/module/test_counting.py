from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from nasflow.families.module.counting import count
from nasflow.spaces import NetworkCost


class Function(nn.Module):
    """Runs a function of the image with one weight."""

    def __init__(self, weight: tuple[int, ...], run: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(weight))
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x, self.weight)


CASES: list[tuple[str, Callable[[], nn.Module], int]] = [
    ("conv", lambda: nn.Conv2d(3, 8, 3, padding=1), 3 * 8 * 9 * 64),
    ("strided", lambda: nn.Conv2d(3, 8, 3, stride=2), 3 * 8 * 9 * 9),
    ("same", lambda: nn.Conv2d(3, 8, 4, padding="same", bias=False), 3 * 8 * 16 * 64),
    ("grouped", lambda: nn.Conv2d(3, 6, 5, padding=2, groups=3), 6 * 25 * 64),
    ("dilated", lambda: nn.Conv2d(3, 8, 3, padding=2, dilation=2), 3 * 8 * 9 * 64),
    ("transposed", lambda: nn.ConvTranspose2d(3, 8, 2, stride=2), 3 * 8 * 4 * 64),
    ("linear", lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 10)), 1920),
    ("no bias", lambda: nn.Sequential(nn.Flatten(), nn.Linear(192, 10, bias=False)), 1920),
    ("linear on rows", lambda: nn.Sequential(nn.Flatten(2), nn.Linear(64, 10)), 3 * 640),
    ("linear on maps", lambda: nn.Linear(8, 4, bias=False), 3 * 8 * 32),
    ("conv1d", lambda: nn.Sequential(nn.Flatten(2), nn.Conv1d(3, 4, 3)), 3 * 4 * 3 * 62),
    ("functional conv", lambda: Function((8, 3, 3, 3), F.conv2d), 3 * 8 * 9 * 36),
    ("functional linear", lambda: Function((4, 8), F.linear), 3 * 8 * 32),
    ("weight as a product", lambda: Function((192, 7), lambda x, w: x.flatten(1) @ w), 192 * 7),
    ("attention", lambda: Function((1,), lambda x, w: w * (x @ x.transpose(-1, -2))), 0),
    ("norm and pooling", lambda: nn.Sequential(nn.BatchNorm2d(3), nn.MaxPool2d(2), nn.ReLU()), 0),
    ("weight norm", lambda: parametrizations.weight_norm(nn.Conv2d(3, 8, 3)), 3 * 8 * 9 * 36),
    ("shared", lambda: nn.Sequential(*[nn.Conv2d(3, 3, 1)] * 2), 2 * 9 * 64),
]


@pytest.mark.parametrize(("run", "flops"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_multiply_accumulates(device: str, run: Callable[[], nn.Module], flops: int) -> None:
    with torch.device(device), torch.no_grad():
        network = run().eval()
        cost = count(network, torch.zeros(1, 3, 8, 8))
    assert cost.flops == flops
    assert cost.parameters == sum(parameter.numel() for parameter in network.parameters())


def test_attention_counts_its_linear_layers_alone() -> None:
    class Attend(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x: Tensor) -> Tensor:
            rows = x.flatten(1, 2)
            made: Tensor = self.attention(rows, rows, rows, need_weights=False)[0]
            return made

    with torch.device("meta"), torch.no_grad():
        cost = count(Attend().eval(), torch.zeros(1, 3, 8, 8))
    assert cost == NetworkCost(4 * 64 + 32, 24 * (3 * 64 + 64))


def test_lazy_layers_count_as_what_they_become() -> None:
    with torch.device("meta"), torch.no_grad():
        network = nn.Sequential(nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(5))
        assert count(network.eval(), torch.zeros(1, 3, 8, 8)) == NetworkCost(4 * 28 + 145 * 5, 27 * 4 * 36 + 144 * 5)


def test_nothing_is_left_on_the_network() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).eval()
    with torch.no_grad():
        count(network, torch.zeros(1, 3, 8, 8))
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
