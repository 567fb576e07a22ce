from __future__ import annotations

import pytest
from torch import nn

from nasflow.families.sizes import Tally, can_halve, halved, halvings, resolution, stem_kernel, stem_stride
from nasflow.spaces import NetworkCost


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (7, 4), (8, 4), (56, 28)])
def test_halving_rounds_up_and_stops_at_two(size: int, expected: int) -> None:
    assert halved(size) == expected
    assert can_halve(size) == (size > 2)


@pytest.mark.parametrize(("size", "times"), [(2, 0), (3, 1), (4, 1), (8, 2), (9, 3), (32, 4)])
def test_halvings(size: int, times: int) -> None:
    assert halvings(size) == times


@pytest.mark.parametrize(
    ("size", "stride", "kernel"), [(8, 1, 3), (64, 1, 3), (65, 2, 3), (128, 2, 3), (129, 4, 7), (224, 4, 7)]
)
def test_stems_leave_at_most_64_pixels(size: int, stride: int, kernel: int) -> None:
    assert stem_stride(size) == stride
    assert stem_kernel(stride) == kernel
    assert -(-size // stride) <= 64


@pytest.mark.parametrize(
    ("size", "steps", "expected"),
    [(32, 0, 32), (224, 1, 195), (224, 2, 169), (64, 2.5, 45), (32, 7, 12), (8, 1, 8), (9, 3, 8), (6, 1, 6)],
)
def test_resolutions_shrink_by_steps_but_not_below_eight_pixels(size: int, steps: float, expected: int) -> None:
    assert resolution(size, steps) == expected


def test_a_tally_counts_what_torch_has() -> None:
    tally = Tally()
    tally.conv_norm(6, 12, 3, 5, groups=3)
    tally.linear(7, 4)
    tally.linear(7, 4, bias=False)
    layers = [
        nn.Conv2d(6, 12, 3, groups=3, bias=False),
        nn.BatchNorm2d(12),
        nn.Linear(7, 4),
        nn.Linear(7, 4, bias=False),
    ]
    held = sum(parameter.numel() for layer in layers for parameter in layer.parameters())
    assert tally.cost() == NetworkCost(held, 12 * 2 * 9 * 25 + 2 * 28)
