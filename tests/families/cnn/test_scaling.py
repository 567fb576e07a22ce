from __future__ import annotations

import pytest

from nasflow.families.cnn.scaling import scaled, scaled_depth, scaled_width
from nasflow.spaces import NetworkIO, SearchSpace


@pytest.mark.parametrize(
    ("depth", "scale", "expected"), [(1, 0, 1), (3, 0, 3), (1, 1, 2), (2, 1, 3), (3, 1, 4), (5, 1, 6), (3, 2.5, 5)]
)
def test_depths_are_rounded_up(depth: int, scale: float, expected: int) -> None:
    assert scaled_depth(depth, scale) == expected


@pytest.mark.parametrize(
    ("width", "scale", "expected"),
    [
        (13, 0, 13),  # nothing is rounded where nothing is scaled
        (32, 1, 32),  # 35.2
        (32, 2, 40),  # 38.7
        (16, 1, 16),  # 17.6
        (24, 5, 40),  # 38.7
        (11, 0.5, 16),  # 11.5: 8 would be less than nine tenths
        (3, 1, 8),
        (320, 1, 352),
    ],
)
def test_widths_are_multiples_of_eight(width: int, scale: float, expected: int) -> None:
    assert scaled_width(width, scale) == expected


def test_stem_and_all_stages_are_scaled() -> None:
    choices = {"stages": 2, "stem": 16, "stage1.depth": 1, "stage1.width": 24, "stage2.depth": 3, "stage2.width": 32}
    assert scaled(choices, 0) == (16, [(1, 24), (3, 32)])
    assert scaled(choices, 5) == (24, [(3, 40), (8, 48)])


@pytest.mark.parametrize("size", [8, 32, 65, 224])
def test_each_scale_costs_more_than_the_one_below(size: int) -> None:
    space = SearchSpace.of("cnn", NetworkIO(3, size, 10), {"scales": [0, 1, 2, 3, 4]})
    default = space.tree.assignment(0)
    flops = [space.cost(space.architecture({**default, "scale": scale})).flops for scale in (0, 1, 2, 3, 4)]
    assert flops == sorted(set(flops))
