from __future__ import annotations

import pytest

from nasflow.families.resnet.layout import LAYOUTS, ResidualBlock, blocks, cost
from nasflow.spaces import NetworkIO


def test_blocks_of_the_smallest() -> None:
    assert list(blocks(8)) == [ResidualBlock(16, 16, 1), ResidualBlock(16, 32, 2), ResidualBlock(32, 64, 2)]
    assert [block.projects for block in blocks(8)] == [False, True, True]


@pytest.mark.parametrize("depth", LAYOUTS)
def test_depth_is_the_number_of_layers(depth: int) -> None:
    assert 2 * len(list(blocks(depth))) + 2 == depth


def test_cost_by_hand() -> None:
    made = cost(8, NetworkIO(1, 8, 10))
    weights = {
        8: 9 * 16 + 2 * 9 * 16 * 16,
        4: 9 * 16 * 32 + 9 * 32 * 32 + 16 * 32,
        2: 9 * 32 * 64 + 9 * 64 * 64 + 32 * 64,
    }
    assert made.parameters == sum(weights.values()) + 2 * (3 * 16 + 3 * 32 + 3 * 64) + 650
    assert made.flops == sum(size * size * count for size, count in weights.items()) + 640


def test_odd_sizes_round_up() -> None:
    assert cost(18, NetworkIO(3, 223, 10)).flops == cost(18, NetworkIO(3, 224, 10)).flops
