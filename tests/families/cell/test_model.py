from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import product

import pytest
import torch
from torch import Tensor, nn

from nasflow.families.cell.contraction import EDGES, OPERATIONS, contract
from nasflow.families.cell.model import Cell, Reduction, build
from nasflow.spaces import NetworkIO

WIDTH = 4
EVERY = list(product(OPERATIONS, repeat=6))


class DirectCell(nn.Module):
    """The cell edge by edge, as the paper draws it: no contraction, nothing removed.

    A dead convolution keeps the weights it was made with; its shift is zero, so what it makes of zero is zero.
    """

    def __init__(self, cell: Sequence[str]) -> None:
        super().__init__()
        self.cell = cell
        self.edges = nn.ModuleList(self._edge(op) for op in cell)

    @staticmethod
    def _edge(op: str) -> nn.Module:
        if op.startswith("nor_conv"):
            kernel = int(op[-1])
            convolution = nn.Conv2d(WIDTH, WIDTH, kernel, padding=kernel // 2, bias=False)
            return nn.Sequential(nn.ReLU(), convolution, nn.BatchNorm2d(WIDTH))
        if op == "avg_pool_3x3":
            return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        return nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        values = [x] + [torch.zeros_like(x)] * 3
        for (source, node), op, edge in zip(EDGES, self.cell, self.edges, strict=True):
            if op != "none":
                values[node] = values[node] + edge(values[source])
        return values[-1]


def ours(cell: Sequence[str]) -> tuple[Cell, DirectCell]:
    """A cell built from its form, and the direct one with the same weights."""
    made = contract(tuple(cell))
    operations = [{"op": op, "reads": list(reads)} for op, reads in made.operations]
    built, direct = Cell(operations, made.output, WIDTH), DirectCell(cell)
    for operation, edge in zip(built.operations, made.edges, strict=True):
        for parameter in operation.parameters():
            nn.init.normal_(parameter, 0.5, 0.5)
        direct.edges[edge].load_state_dict(operation.state_dict())
    return built, direct


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Maps this small are computed faster in one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("training", [True, False])
def test_a_form_computes_what_the_cell_does(training: bool) -> None:
    torch.manual_seed(0)
    x = torch.randn(3, WIDTH, 5, 5)
    for cell in random.Random(int(training)).sample(EVERY, 250):
        built, direct = ours(cell)
        if not training:
            with torch.no_grad():
                built.train()(x), direct.train()(x)
        made, expected = built.train(training)(x), direct.train(training)(x)
        torch.testing.assert_close(made, expected, rtol=1e-3, atol=1e-4, msg=str(cell))


def test_cells_of_one_form_compute_the_same() -> None:
    """With weights copied operation by operation, whichever edges they stand on."""
    torch.manual_seed(0)
    x = torch.randn(2, WIDTH, 4, 4)
    classes: dict[object, list[tuple[str, ...]]] = {}
    for cell in EVERY:
        made = contract(cell)
        classes.setdefault((made.operations, made.output), []).append(cell)
    several = [cells for cells in classes.values() if len(cells) > 2]
    for cells in random.Random(0).sample(several, 60):
        weights = ours(cells[0])[0].state_dict()
        outputs = []
        for cell in cells[:4]:
            built, direct = ours(cell)
            built.load_state_dict(weights)
            for operation, edge in zip(built.operations, contract(cell).edges, strict=True):
                direct.edges[edge].load_state_dict(operation.state_dict())
            outputs.append(direct.train()(x))
        for output in outputs[1:]:
            torch.testing.assert_close(output, outputs[0], rtol=1e-3, atol=1e-4, msg=str(cells))


def test_a_dead_cell_is_zero() -> None:
    x = torch.randn(2, WIDTH, 4, 4)
    assert torch.equal(Cell([], [], WIDTH)(x), torch.zeros_like(x))
    network = build({"width": 4, "cells": 1, "operations": [], "output": []}, NetworkIO(3, 8, 5)).eval()
    first, second = network(torch.randn(2, 3, 8, 8))
    assert torch.equal(first, second)


def test_a_cell_does_not_write_to_its_input() -> None:
    x = -torch.ones(2, WIDTH, 4, 4)
    Cell([{"op": "nor_conv_3x3", "reads": [0]}], [0, 1], WIDTH)(x)
    assert torch.equal(x, -torch.ones(2, WIDTH, 4, 4))


@pytest.mark.parametrize(("size", "expected"), [(8, 4), (7, 4), (3, 2), (2, 2)])
def test_reductions_round_up_and_stop_at_two(size: int, expected: int) -> None:
    assert Reduction(8, size)(torch.randn(2, 4, size, size)).shape == (2, 8, expected, expected)


def test_the_network_has_the_skeleton_of_the_paper() -> None:
    form = {"width": 16, "cells": 5, "operations": [{"op": "nor_conv_1x1", "reads": [0]}], "output": [1]}
    network = build(form, NetworkIO(3, 32, 10))
    kinds = [type(module).__name__ for module in network.stages]  # type: ignore[union-attr]
    assert kinds == ["Cell"] * 5 + ["Reduction"] + ["Cell"] * 5 + ["Reduction"] + ["Cell"] * 5
