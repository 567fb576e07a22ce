"""Our forms and costs beside a table of NAS-Bench-201, where one is at hand (`NASFLOW_NB201` names the file)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nasflow.families.cell.contraction import EDGES, Contraction, contract
from nasflow.families.cell.space import CellFamily, CellOptions
from nasflow.families.cell.text import cell_text, choice_name, parse_cell
from nasflow.spaces import NetworkIO

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data" / "nb201_cifar10.npz"
TABLE = Path(os.environ.get("NASFLOW_NB201", _BESIDE))

pytestmark = pytest.mark.skipif(not TABLE.is_file(), reason=f"no table of NAS-Bench-201 at {TABLE}")


@pytest.fixture(scope="module")
def table() -> Mapping[str, Any]:
    with np.load(TABLE) as content:
        return {name: content[name] for name in content}


@pytest.fixture(scope="module")
def cells(table: Mapping[str, Any]) -> list[dict[str, str]]:
    return [parse_cell(text.decode()) for text in table["arch"]]


def contracted(cell: dict[str, str]) -> Contraction:
    return contract(tuple(cell[choice_name(*edge)] for edge in EDGES))


def written_out(made: Contraction) -> str:
    """The output as an expression, in which sharing cannot be seen."""
    terms = ["x"]

    def total(numbers: tuple[int, ...]) -> str:
        return "+".join(sorted(terms[number] for number in numbers))

    for op, reads in made.operations:
        terms.append(f"{op}({total(reads)})")
    return total(made.output)


def test_strings_are_read_as_written(table: Mapping[str, Any], cells: list[dict[str, str]]) -> None:
    assert [cell_text(cell).encode() for cell in cells] == list(table["arch"])


def test_one_class_of_the_table_is_one_expression(table: Mapping[str, Any], cells: list[dict[str, str]]) -> None:
    """Cells that the table holds for isomorphic differ in our forms by sharing alone."""
    expressions: dict[int, set[str]] = {}
    for unique, cell in zip(table["unique_id"], cells, strict=True):
        expressions.setdefault(int(unique), set()).add(written_out(contracted(cell)))
    assert all(len(found) == 1 for found in expressions.values())


def as_the_table_writes(cell: dict[str, str]) -> str:
    """The expression by which NAS-Bench-201 tells cells apart.

    Zero terms stay in its sums, sums joined by a skip are not sorted anew, and sharing cannot be seen in it.
    """
    values = ["x"]
    for node in range(1, 4):
        terms = []
        for source in range(node):
            op = cell[choice_name(source, node)]
            if op == "none" or values[source] == "#":
                terms.append("#")
            else:
                terms.append(values[source] if op == "skip_connect" else f"({values[source]})@{op}")
        values.append("+".join(sorted(terms)))
    return values[-1]


def test_the_tables_classes_are_those_of_its_expressions(table: Mapping[str, Any], cells: list[dict[str, str]]) -> None:
    """So it is known by what they differ from our forms: 6,466 classes there, 5,425 forms here."""
    pairs = {(int(unique), as_the_table_writes(cell)) for unique, cell in zip(table["unique_id"], cells, strict=True)}
    assert len(pairs) == len({unique for unique, _ in pairs}) == len({text for _, text in pairs}) == 6466


def test_forms_lie_inside_expressions(cells: list[dict[str, str]]) -> None:
    """Each form has one expression, and forms of one expression differ by sharing: together they are all forms."""
    made = [contracted(cell) for cell in cells]
    sharing: dict[str, set[tuple[object, object]]] = {}
    for one in made:
        sharing.setdefault(written_out(one), set()).add((one.operations, one.output))
    assert sum(map(len, sharing.values())) == 5425
    assert len(sharing) < 5425


def test_costs_are_the_tables_where_nothing_is_dead(table: Mapping[str, Any], cells: list[dict[str, str]]) -> None:
    """The table counts every convolution on an edge, dead or not, and convolutions and linear layers as FLOPs."""
    family, options, io = CellFamily(), CellOptions(cells_per_stage=5), NetworkIO(3, 32, 10)
    compared = 0
    for number, cell in enumerate(cells):
        form = family.form(cell, options)
        on_edges = sum(op.startswith("nor_conv") for op in cell.values())
        alive = sum(operation["op"].startswith("nor_conv") for operation in form["operations"])
        cost = family.cost(form, io)
        stated = (int(table["cifar10_params"][number]), int(table["cifar10_flops"][number]))
        if alive == on_edges:
            assert (cost.parameters, cost.flops) == stated, cell
            compared += 1
        else:
            assert cost.parameters < stated[0]
            assert cost.flops < stated[1]
    assert compared == 11_375
