from __future__ import annotations

import random
from typing import Any

import pytest
import torch

from nasflow.families.nasnet.contraction import FACTORISED, NONE, OPERATIONS, SKIP, Cell
from nasflow.families.nasnet.cost import cost
from nasflow.families.nasnet.layout import layout
from nasflow.families.nasnet.model import build
from nasflow.spaces import NetworkCost, NetworkIO, SearchSpace
from nasflow.testing.families import measured_cost

IO = NetworkIO(3, 8, 5)


def form(normal: Cell, reduction: Cell, reductions: int = 0) -> dict[str, Any]:
    return {"width": 4, "separable_repeats": 2, **layout(normal, reduction, 1, reductions)}


def alone(op: str) -> Cell:
    return Cell((((0, op), (0, NONE)),))


SHELL = 3 * 12 * 9 + 24 + 12 * 4 + 8 + 4 * 5 + 5
"""Stem, the input's 1×1 convolution and the logits, by hand."""


@pytest.mark.parametrize(
    ("op", "parameters"),
    [
        ("max_pool_3x3", 0),
        ("avg_pool_3x3", 0),
        (SKIP, 0),
        ("conv_1x1", 4 * 4 + 8),
        ("conv_3x3", 4 * 4 * 9 + 8),
        ("sep_conv_3x3", 2 * (4 * 9 + 4 * 4 + 8)),
        ("sep_conv_5x5", 2 * (4 * 25 + 4 * 4 + 8)),
        ("dil_conv_3x3", 4 * 9 + 4 * 4 + 8),
        ("dil_conv_5x5", 4 * 25 + 4 * 4 + 8),
    ],
)
def test_parameters_by_hand(op: str, parameters: int) -> None:
    assert cost(form(alone(op), alone(op)), IO).parameters == SHELL + parameters


def test_flops_by_hand() -> None:
    made = cost(form(alone("conv_3x3"), alone(SKIP)), IO)
    assert made.flops == 64 * (3 * 12 * 9 + 12 * 4 + 4 * 4 * 9) + 4 * 5


def test_operations_cost_what_they_cost_at_the_size_of_their_output() -> None:
    reduction = Cell((((1, "conv_1x1"), (0, NONE)),), 2)
    last = Cell((((1, SKIP), (0, NONE)),))
    whole = cost(form(last, reduction, 1), IO)
    without = cost(form(last, Cell((((1, "max_pool_3x3"), (0, NONE)),), 2), 1), IO)
    assert whole.flops - without.flops == 8 * 8 * 16
    assert whole.parameters - without.parameters == 8 * 8 + 16


def test_a_constant_costs_its_logits() -> None:
    assert cost(form(alone(NONE), alone(NONE)), IO) == NetworkCost(12 * 5 + 5, 60)


@pytest.mark.parametrize("op", [op for op in (*OPERATIONS, FACTORISED) if op not in (FACTORISED, NONE)])
@pytest.mark.parametrize("size", [8, 9, 17])
def test_each_operation_costs_what_is_built(op: str, size: int) -> None:
    """Down to maps smaller than its kernel."""
    normal = Cell((((0, op), (1, op)), ((2, op), (1, SKIP))))
    reduction = Cell(normal.nodes, 2)
    io = NetworkIO(1, size, 3)
    made = form(normal, reduction, 3)
    assert measured_cost(build(made, io), io) == cost(made, io)


def test_sampled_networks_cost_what_is_built() -> None:
    torch.set_num_threads(1)
    rng = random.Random(3)
    for options in ({"stacks": 2, "share": True}, {"concat": "all", "separable_repeats": 3, "nodes": 6}, {"width": 5}):
        space = SearchSpace.of("nasnet", NetworkIO(1, 11, 3), options)
        for _ in range(8):
            architecture = space.sample(rng)
            assert measured_cost(space.provider.build(architecture.form, space.io), space.io) == space.cost(
                architecture
            )
