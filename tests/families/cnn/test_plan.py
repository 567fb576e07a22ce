from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.cnn.plan import BlockPlan, branch_widths, plan, plan_stem
from nasflow.spaces import NetworkIO


def blocks(size: int = 32, pooling: str = "strided", **stage: Any) -> list[BlockPlan]:
    one = {"kind": "plain", "depth": 2, "width": 16, "kernel": 3} | stage
    return plan({"stem": 16, "pooling": pooling, "stages": [one] * 3}, NetworkIO(3, size, 10))


def test_strides_halve_before_each_stage_but_the_first() -> None:
    made = blocks()
    assert [block.stride for block in made] == [1, 1, 2, 1, 2, 1]
    assert [block.size for block in made] == [32, 32, 16, 16, 8, 8]
    assert [block.size_in for block in made] == [32, 32, 32, 16, 16, 8]
    assert all(block.pool is None for block in made)


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_pooling_halves_in_front_of_the_convolutions(pooling: str) -> None:
    made = blocks(pooling=pooling)
    assert [block.pool for block in made] == [None, None, pooling, None, pooling, None]
    assert [block.size_in for block in made] == [block.size for block in made] == [32, 32, 16, 16, 8, 8]
    assert {block.stride for block in made} == {1}


@pytest.mark.parametrize("pooling", ["strided", "max"])
def test_no_map_falls_below_two_pixels(pooling: str) -> None:
    made = blocks(size=4, pooling=pooling)
    assert [block.size for block in made] == [4, 4, 2, 2, 2, 2]
    assert [block.stride == 2 or block.pool is not None for block in made] == [False, False, True, False, False, False]


def test_large_images_are_made_smaller_by_the_stem() -> None:
    assert blocks(size=224)[0].size_in == 56
    assert blocks(size=97)[0].size_in == 49
    assert blocks(size=64)[0].size_in == 64


def test_shortcuts_by_kind() -> None:
    def shortcuts(**stage: Any) -> list[str]:
        return [block.shortcut for block in blocks(**stage)]

    i, p, n = "identity", "projection", "none"
    assert shortcuts(kind="plain") == [n] * 6
    assert shortcuts(kind="plain", skip=True) == [i, i, n, i, n, i]
    assert shortcuts(kind="separable", skip=True, pooling="max") == [i] * 6
    assert shortcuts(kind="inverted", expansion=2) == [i, i, n, i, n, i]
    assert shortcuts(kind="residual") == [i, i, p, i, p, i]
    assert shortcuts(kind="residual", width=24) == [p, i, p, i, p, i]
    assert shortcuts(kind="bottleneck", inner=8) == [i, i, p, i, p, i]
    assert shortcuts(kind="mixer", expansion=2) == [i, i, n, i, n, i]
    assert shortcuts(kind="inception") == [n] * 6
    assert shortcuts(kind="inception", skip=True) == [i, i, n, i, n, i]


def test_shortcuts_do_not_depend_on_the_size_of_the_images() -> None:
    for kind in ("plain", "residual"):
        small, large = blocks(size=4, kind=kind, skip=True), blocks(size=224, kind=kind, skip=True)
        assert [block.shortcut for block in small] == [block.shortcut for block in large]


@pytest.mark.parametrize(
    ("stage", "hidden", "squeezed"),
    [
        ({"kind": "plain"}, 0, 0),
        ({"kind": "separable", "squeeze_excite": True}, 16, 4),
        ({"kind": "inverted", "expansion": 4}, 64, 0),
        ({"kind": "inverted", "expansion": 4, "squeeze_excite": True}, 64, 16),
        ({"kind": "residual", "width": 48, "squeeze_excite": True}, 48, 12),
        ({"kind": "residual", "width": 8, "squeeze_excite": True}, 8, 4),
        ({"kind": "bottleneck", "width": 48, "inner": 24, "squeeze_excite": True}, 24, 6),
        ({"kind": "inception", "width": 24}, 24, 0),
        ({"kind": "mixer", "width": 24, "expansion": 4}, 64, 0),
    ],
)
def test_inner_widths(stage: dict[str, Any], hidden: int, squeezed: int) -> None:
    first = blocks(**stage)[0]
    assert (first.hidden, first.squeezed) == (hidden, squeezed)


@pytest.mark.parametrize(
    ("width", "expected"), [(1, (1,)), (2, (1, 1)), (3, (1, 1, 1)), (4, (1,) * 4), (6, (2, 2, 1, 1)), (64, (16,) * 4)]
)
def test_branches_share_the_width_exactly(width: int, expected: tuple[int, ...]) -> None:
    assert branch_widths(width) == expected
    assert sum(branch_widths(width)) == width


@pytest.mark.parametrize(
    ("size", "steps", "expected"),
    [(32, None, (32, 1, 32)), (32, 1, (28, 1, 28)), (224, 1, (195, 4, 49)), (8, 3, (8, 1, 8)), (65, 1, (57, 2, 29))],
)
def test_lower_scales_see_smaller_images_through_the_same_stem(
    size: int, steps: int | None, expected: tuple[int, ...]
) -> None:
    form = {"stem": 16, "stages": [], **({"steps_down": steps} if steps else {})}
    stem = plan_stem(form, NetworkIO(3, size, 10))
    assert (stem.image, stem.stride, stem.size) == expected
