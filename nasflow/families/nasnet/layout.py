"""The cells of a network, one after another: which of them live, and what each reads. This is the canonical form.

A cell reads the outputs of the two before it; the first reads the stem twice. A cell whose output nobody reads is gone,
as is one without a live path from the image, so that the cells after it lack an input.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nasflow.families.nasnet.contraction import INPUTS, Cell, Contraction, contract
from nasflow.families.nasnet.ordering import Dag

STEM = 0


@dataclass(frozen=True)
class Place:
    """One live cell of the stack.

    Attributes:
        cell: The cell as it is chosen.
        made: Its live part.
        stage: How many reductions lie before it.
        reads: Number of the place that each of its inputs comes from, or `STEM`.
    """

    cell: Cell
    made: Contraction
    stage: int
    reads: tuple[int, ...]


def layout(normal: Cell, reduction: Cell, stacks: int, reductions: int) -> dict[str, Any]:
    """Return the live cells as JSON-compatible data.

    Args:
        normal: The cell that keeps the size of the map.
        reduction: The cell that halves it.
        stacks: Normal cells before, between and after reductions.
        reductions: Number of reduction cells.

    Returns:
        `cells`: different cells, each with its `stride`, its number of `inputs`, its `operations` (an `op` and the
        terms that it `reads`: inputs from 0, then operations in order) and its `output`, a list of sums to concatenate.
        `stack`: the cells in order, each with the number of its `cell`, its `stage` (reductions before it), and what
        its inputs `read`: 0 is the stem, k the k-th cell of the stack. Both are empty where the network is a constant.
    """
    places = _read(_living([normal] * stacks + [reduction, *[normal] * stacks] * reductions))
    number = {STEM: STEM} | {old: new for new, old in enumerate(places, 1)}
    kinds: dict[tuple[int, Dag], list[int]] = {}
    for old, place in places.items():
        kinds.setdefault((place.cell.stride, place.made.dag), []).append(old)
    cells: list[dict[str, Any]] = []
    entries: dict[int, dict[str, Any]] = {}
    for (stride, _), members in kinds.items():
        dag, reads = _oriented(places[members[0]], [tuple(number[k] for k in places[old].reads) for old in members])
        for old, sources in zip(members, reads, strict=True):
            entries[old] = {"cell": len(cells), "stage": places[old].stage, "reads": list(sources)}
        operations = [{"op": op, "reads": list(terms)} for op, terms in dag.operations]
        output = [list(terms) for terms in dag.outputs]
        cells.append({"stride": stride, "inputs": dag.inputs, "operations": operations, "output": output})
    return {"cells": cells, "stack": [entries[old] for old in places]}


def _living(stack: Sequence[Cell]) -> dict[int, Place]:
    """Return the cells that the image reaches, by number from 1; none where it does not reach the last one."""
    places: dict[int, Place] = {}
    stage = 0
    for number, cell in enumerate(stack, 1):
        sources = (max(number - 2, STEM), number - 1)
        live = frozenset(k for k in range(INPUTS) if sources[k] == STEM or sources[k] in places)
        made = contract(cell, live)
        if made.dag.outputs:
            places[number] = Place(cell, made, stage, tuple(sources[k] for k in made.inputs))
        stage += cell.stride == 2
    return places if len(stack) in places else {}


def _read(places: dict[int, Place]) -> dict[int, Place]:
    """Return the cells that reach the last one, in order."""
    reached = {max(places, default=STEM)}
    for number in reversed(places):
        if number in reached:
            reached.update(places[number].reads)
    return {number: place for number, place in places.items() if number in reached}


def _oriented(place: Place, reads: list[tuple[int, ...]]) -> tuple[Dag, list[tuple[int, ...]]]:
    """Return a cell and what each of its copies reads, its inputs so ordered that the first copy reads upwards.

    Which input is which is only a name: a cell mirrored, and what it reads exchanged, is the same network.
    """
    if len(place.made.inputs) < INPUTS:
        return place.made.dag, reads
    mirrored = contract(place.cell.mirrored()).dag
    reads, dag = min((reads, place.made.dag), ([copy[::-1] for copy in reads], mirrored))
    return dag, reads
