from __future__ import annotations

import random
from typing import Any

import pytest
from pydantic import ValidationError

from nasflow.families.cell.space import CellFamily, CellOptions
from nasflow.families.cell.text import parse_cell
from nasflow.spaces import NetworkIO, SearchSpace
from nasflow.testing.families import FamilyContract, check_drawing

FAMILY = CellFamily()
PAPER = CellOptions(cells_per_stage=5)
CIFAR = NetworkIO(3, 32, 10)
DEAD = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
FULL = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"


class TestCell(FamilyContract):
    family = "cell"


class TestSmallCells(FamilyContract):
    family = "cell"
    options = {"width": 4, "cells_per_stage": 2}
    samples = 6


def form(text: str, options: CellOptions = PAPER) -> dict[str, Any]:
    return dict(FAMILY.form(parse_cell(text), options))


def test_the_space_has_15625_cells_of_5425_forms() -> None:
    space = SearchSpace.of("cell", CIFAR)
    assert space.size == 15_625
    assert space.canonical_size() == 5_425


@pytest.mark.parametrize(
    ("text", "parameters", "flops"),
    [  # as NAS-Bench-201 states them for CIFAR-10
        (DEAD, 73_306, 7_783_040),
        (FULL, 1_531_546, 220_119_680),
        (FULL.replace("3x3", "1x1"), 241_306, 31_376_000),
    ],
)
def test_known_costs(text: str, parameters: int, flops: int) -> None:
    cost = FAMILY.cost(form(text), CIFAR)
    assert (cost.parameters, cost.flops) == (parameters, flops)


def test_dead_operations_cost_nothing() -> None:
    assert FAMILY.cost(form(DEAD.replace("none~0|+", "nor_conv_3x3~0|+", 1)), CIFAR) == FAMILY.cost(form(DEAD), CIFAR)


def test_options_are_in_the_form() -> None:
    text = FULL
    assert form(text, CellOptions(width=8))["width"] == 8
    assert form(text, CellOptions()) != form(text)


def test_the_largest_and_the_empty_cell_can_be_drawn() -> None:
    for text in (DEAD, FULL):
        check_drawing(FAMILY.graph(form(text)))
    labels = [node.label for node in FAMILY.graph(form(FULL)).nodes]
    assert labels.count("convolution") == 6
    assert "0" in [node.label for node in FAMILY.graph(form(DEAD)).nodes]


def test_a_term_that_counts_twice_is_written_so() -> None:
    text = "|skip_connect~0|+|none~0|none~1|+|skip_connect~0|skip_connect~1|none~2|"
    assert [node.detail for node in FAMILY.graph(form(text)).nodes if node.label == "+"] == ["2×"]


def test_every_cell_can_be_drawn() -> None:
    space = SearchSpace.of("cell", CIFAR)
    rng = random.Random(5)
    for _ in range(300):
        check_drawing(FAMILY.graph(space.sample(rng).form))


@pytest.mark.parametrize("options", [{"width": 0}, {"cells_per_stage": 0}, {"cells": 5}])
def test_options_are_checked(options: dict[str, int]) -> None:
    with pytest.raises(ValidationError):
        CellOptions.model_validate(options)
