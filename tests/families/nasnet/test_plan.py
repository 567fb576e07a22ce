from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.nasnet.contraction import Cell
from nasflow.families.nasnet.layout import layout
from nasflow.families.nasnet.plan import last_width, plan, spatial_kernel, stem_width
from nasflow.spaces import NetworkIO

BOTH = Cell((((0, "conv_3x3"), (1, "max_pool_3x3")), ((1, "sep_conv_3x3"), (2, "conv_1x1"))))
REDUCING = Cell((((0, "conv_3x3"), (1, "max_pool_3x3")), ((1, "sep_conv_3x3"), (1, "conv_1x1"))), 2)


def form(stacks: int = 1, reductions: int = 2) -> dict[str, Any]:
    return {"width": 4, "separable_repeats": 1, **layout(BOTH, REDUCING, stacks, reductions)}


def test_sizes_and_widths() -> None:
    cells = plan(form(), NetworkIO(3, 9, 5))
    assert [(cell.size_in, cell.size) for cell in cells] == [(9, 9), (9, 5), (5, 5), (5, 3), (3, 3)]
    assert [cell.width for cell in cells] == [4, 8, 8, 16, 16]
    assert [cell.width_out for cell in cells] == [4, 16, 8, 32, 16]
    assert last_width(form(), cells) == 16


def test_inputs_of_a_stage_before_are_halved() -> None:
    cells = plan(form(), NetworkIO(3, 16, 5))
    assert [[source.halves for source in cell.inputs] for cell in cells] == [
        [False, False],
        [False, False],
        [True, False],
        [False, False],
        [True, False],
    ]
    assert [[source.width for source in cell.inputs] for cell in cells] == [
        [12, 12],
        [12, 4],
        [4, 16],
        [16, 8],
        [8, 32],
    ]


def test_large_images_are_made_smaller_by_the_stem() -> None:
    assert plan(form(), NetworkIO(3, 224, 5))[0].size == 56


def test_operations_on_inputs_have_the_stride_of_the_cell() -> None:
    normal, reduction = plan(form(1, 1), NetworkIO(3, 8, 5))[:2]
    assert {normal.sizes_of(operation) for operation in normal.operations} == {(8, 1)}
    assert {reduction.sizes_of(operation) for operation in reduction.operations} == {(8, 2)}
    inner = {"op": "conv_3x3", "reads": [2]}
    assert reduction.sizes_of(inner) == (4, 1)


def test_a_constant_has_no_cells() -> None:
    made: dict[str, Any] = {"width": 4, "separable_repeats": 1, "cells": [], "stack": []}
    assert plan(made, NetworkIO(3, 8, 5)) == []
    assert last_width(made, []) == stem_width(made) == 12


@pytest.mark.parametrize(
    ("op", "sizes"),
    [
        ("sep_conv_3x3", {1: 1, 2: 3, 3: 3, 8: 3}),
        ("sep_conv_5x5", {1: 1, 2: 3, 3: 5, 8: 5}),
        ("dil_conv_3x3", {1: 1, 2: 1, 3: 3, 8: 3}),
        ("dil_conv_5x5", {2: 1, 3: 3, 4: 3, 5: 5, 8: 5}),
        ("conv_1x1", {1: 1, 8: 1}),
    ],
)
def test_kernels_end_where_the_map_does(op: str, sizes: dict[int, int]) -> None:
    assert {size: spatial_kernel(op, size) for size in sizes} == sizes
