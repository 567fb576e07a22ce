from __future__ import annotations

from typing import Any

import pytest

from nasflow.families.nasnet.contraction import NONE, SKIP, Cell
from nasflow.families.nasnet.layout import layout

CONV, SEP, MAX = "conv_3x3", "sep_conv_3x3", "max_pool_3x3"
BOTH = Cell((((0, CONV), (1, SEP)),))
LAST = Cell((((1, CONV), (1, MAX)),))
BEFORE = Cell((((0, CONV), (0, MAX)),))
DEAD = Cell((((0, NONE), (1, NONE)),))


def reducing(cell: Cell) -> Cell:
    return Cell(cell.nodes, 2, cell.concat)


def reads(made: dict[str, Any]) -> list[list[int]]:
    return [entry["reads"] for entry in made["stack"]]


def test_cells_read_the_two_before_them() -> None:
    made = layout(BOTH, reducing(BOTH), 1, 2)
    assert reads(made) == [[0, 0], [0, 1], [1, 2], [2, 3], [3, 4]]
    assert [entry["stage"] for entry in made["stack"]] == [0, 0, 1, 1, 2]
    assert [entry["cell"] for entry in made["stack"]] == [0, 1, 0, 1, 0]
    assert [cell["stride"] for cell in made["cells"]] == [1, 2]


def test_stacks_are_repeated() -> None:
    made = layout(BOTH, reducing(LAST), 3, 1)
    assert [entry["cell"] for entry in made["stack"]] == [0, 0, 0, 1, 0, 0, 0]


def test_without_reductions_there_is_no_reduction_cell() -> None:
    made = layout(BOTH, reducing(BOTH), 2, 0)
    assert len(made["cells"]) == 1
    assert made == layout(BOTH, reducing(LAST), 2, 0)


def test_cells_that_nobody_reads_are_gone() -> None:
    """Where only the cell before the last one is read, every other cell is skipped."""
    made = layout(BEFORE, reducing(BOTH), 1, 2)
    assert reads(made) == [[0], [1], [2]]
    assert [entry["stage"] for entry in made["stack"]] == [0, 1, 2]
    assert len(made["cells"]) == 1
    assert made == layout(BEFORE, reducing(DEAD), 1, 2)


def test_networks_of_one_cell_do_not_tell_their_inputs_apart() -> None:
    """Both are the stem."""
    assert layout(BOTH, reducing(BOTH), 1, 0) == layout(BOTH.mirrored(), reducing(BOTH), 1, 0)
    assert layout(LAST, reducing(BOTH), 1, 0) == layout(BEFORE, reducing(BOTH), 1, 0)
    assert layout(BEFORE, reducing(BOTH), 2, 0) == layout(LAST, reducing(BOTH), 1, 0)


def test_longer_networks_do() -> None:
    assert layout(BOTH, reducing(BOTH), 1, 1) != layout(BOTH.mirrored(), reducing(BOTH), 1, 1)
    assert layout(LAST, reducing(LAST), 2, 0) != layout(BEFORE, reducing(LAST), 2, 0)


@pytest.mark.parametrize("reduction", [BOTH, DEAD])
def test_a_dead_normal_cell_leaves_a_constant(reduction: Cell) -> None:
    assert layout(DEAD, reducing(reduction), 2, 1) == {"cells": [], "stack": []}


def test_after_a_dead_reduction_cell_one_input_is_missing() -> None:
    made = layout(BOTH, reducing(DEAD), 1, 1)
    assert reads(made) == [[0, 0], [1]]
    assert [cell["inputs"] for cell in made["cells"]] == [2, 1]
    assert [len(cell["operations"]) for cell in made["cells"]] == [2, 1]
    assert [entry["stage"] for entry in made["stack"]] == [0, 1]
    assert layout(LAST, reducing(DEAD), 1, 1) == {"cells": [], "stack": []}


def test_dead_cells_may_leave_mirrored_ones_that_are_one() -> None:
    """Of a symmetric cell, what is left without the first input is what is left without the second."""
    symmetric = Cell((((0, CONV), (1, CONV)), ((0, SKIP), (1, SKIP))))
    made = layout(symmetric, reducing(DEAD), 2, 1)
    assert reads(made) == [[0, 0], [0, 1], [2], [3]]
    assert [entry["cell"] for entry in made["stack"]] == [0, 0, 1, 1]


def test_a_shared_cell_is_one_chosen_twice() -> None:
    """What matters is the cell, not whether it was shared: strides alone tell the two apart."""
    made = layout(LAST, reducing(LAST), 1, 1)
    assert made["cells"][0]["operations"] == made["cells"][1]["operations"]
    assert reads(made) == [[0], [1], [2]]
