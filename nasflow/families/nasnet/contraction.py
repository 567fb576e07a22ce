"""A cell as its live operations on sums, in canonical order.

A node's value is a sum of terms: inputs of the cell and outputs of operations. A skip adds the source's terms to the
node's; an operation is applied to the source's value and makes a new term. What has no input, as `none` leaves it, is
gone. Pooling has no weights, so the same pooling of the same value is one term, however often it is chosen; operations
with weights never are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from nasflow.families.nasnet.ordering import Dag, Terms, ordered

SEPARABLE = ("sep_conv_3x3", "sep_conv_5x5")
DILATED = ("dil_conv_3x3", "dil_conv_5x5")
POOLS = ("max_pool_3x3", "avg_pool_3x3")
CONVOLUTIONS = ("conv_1x1", "conv_3x3")
SKIP, NONE = "skip_connect", "none"
OPERATIONS = (*SEPARABLE, *DILATED, *POOLS, SKIP, *CONVOLUTIONS, NONE)

FACTORISED = "factorised_reduction"
"""What a skip from a cell's input is where it has to halve the map."""

INPUTS = 2

Pair = tuple[int, str]
"""A source and the operation on it. Sources: 0 the cell before the last one, 1 the last cell, 1 + k node k."""

Concat = Literal["loose", "all"]


@dataclass(frozen=True)
class Cell:
    """A cell as it is chosen.

    Attributes:
        nodes: The two pairs of each node.
        stride: 2 where operations on the cell's inputs halve the map, else 1.
        concat: Whether the nodes that no other node reads go out, or all.
    """

    nodes: tuple[tuple[Pair, Pair], ...]
    stride: int = 1
    concat: Concat = "loose"

    def mirrored(self) -> Cell:
        """Return the cell with its two inputs exchanged."""
        nodes = tuple(((_mirror(first), op), (_mirror(second), other)) for (first, op), (second, other) in self.nodes)
        return Cell(nodes, self.stride, self.concat)


@dataclass(frozen=True)
class Contraction:
    """A cell's live part.

    Attributes:
        inputs: Which of the cell's two inputs are read, in order; the graph numbers these from 0.
        dag: Live operations and the values that are concatenated; no outputs where the cell has no live path.
    """

    inputs: tuple[int, ...]
    dag: Dag


@lru_cache(maxsize=20_000)
def contract(cell: Cell, live: frozenset[int] = frozenset(range(INPUTS))) -> Contraction:
    """Return the live part of a cell in canonical order.

    Args:
        cell: The cell.
        live: Which inputs are there; the others are always zero.
    """
    operations, outputs = _expand(cell, live)
    read = {term for _, reads in operations for term in reads}.union(*outputs)
    inputs = tuple(number for number in range(INPUTS) if number in read)
    place = {number: k for k, number in enumerate((*inputs, *range(INPUTS, INPUTS + len(operations))))}
    dag = Dag(
        len(inputs),
        tuple((op, tuple(place[term] for term in reads)) for op, reads in operations),
        tuple(tuple(place[term] for term in terms) for terms in outputs),
    )
    return Contraction(inputs, ordered(dag))


def _expand(cell: Cell, live: frozenset[int]) -> tuple[list[tuple[str, Terms]], list[Terms]]:
    """Return all operations that have an input, numbered after both inputs, and the values that go out.

    All of them reach the output: a node with a value goes out, or another one with a value reads it.
    """
    values: list[Terms] = [(number,) if number in live else () for number in range(INPUTS)]
    found: list[tuple[str, Terms]] = []
    used: set[int] = set()
    for node in cell.nodes:
        value: list[int] = []
        for source, op in node:
            if op == NONE or not values[source]:
                continue
            used.add(source)
            if op == SKIP and (cell.stride == 1 or source >= INPUTS):
                value += values[source]
            else:
                value.append(_number(FACTORISED if op == SKIP else op, values[source], found))
        values.append(tuple(sorted(value)))
    going_out = [k for k in range(INPUTS, len(values)) if cell.concat == "all" or k not in used]
    return found, [values[k] for k in going_out if values[k]]


def _number(op: str, reads: Terms, found: list[tuple[str, Terms]]) -> int:
    """Return the number of an operation, adding it unless it is a pooling that is there already."""
    if op in POOLS and (op, reads) in found:
        return INPUTS + found.index((op, reads))
    found.append((op, reads))
    return INPUTS + len(found) - 1


def _mirror(source: int) -> int:
    return INPUTS - 1 - source if source < INPUTS else source
