"""The canonical form of a cell: its live operations as a graph, the same for every cell with that graph.

A node's value is a sum of terms. A term is the cell's input or the output of one operation. A skip adds the source's
terms; an operation is applied to the source's value and makes a new term, which all who read it share. What has no
input, or does not reach the output, is gone; what is left is numbered in an order that does not depend on the nodes
between which it stood.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, permutations, product

NODES = 4
EDGES = tuple((source, node) for node in range(1, NODES) for source in range(node))
"""The edges (source, node) in the order of a cell's string."""

OPERATIONS = ("nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3", "skip_connect", "none")

Terms = tuple[int, ...]
"""A sum, sorted: 0 is the cell's input, k the output of operation k, counting from 1; a repeated term counts twice."""

_Colour = tuple[str, tuple["_Colour", ...]]


@dataclass(frozen=True)
class Contraction:
    """A cell in canonical order.

    Attributes:
        operations: Name and input of each live operation; inputs refer to earlier operations only.
        output: The cell's output; empty where it is always zero.
        edges: For each operation, the number of the edge it stood on.
    """

    operations: tuple[tuple[str, Terms], ...]
    output: Terms
    edges: tuple[int, ...]


@lru_cache(maxsize=20_000)
def contract(cell: tuple[str, ...]) -> Contraction:
    """Return the canonical order of a cell.

    Args:
        cell: The six operations, in the order of `EDGES`.
    """
    found, output = _expand(cell)
    live = _live(found, output)
    colours = _colours(found, live)
    orders = _orders(live, found, colours)
    candidates = ((_renumbered(order, found, output), order) for order in orders)
    (operations, terms), order = min(candidates)
    return Contraction(operations, terms, tuple(found[k][2] for k in order))


_Found = dict[int, tuple[str, Terms, int]]


def _expand(cell: Sequence[str]) -> tuple[_Found, Terms]:
    """Return all operations that have an input, by number from 1: name, input, edge; and the last node's value."""
    values: list[list[int]] = [[0]] + [[] for _ in range(NODES - 1)]
    found: _Found = {}
    for edge, ((source, node), op) in enumerate(zip(EDGES, cell, strict=True)):
        if op == "none" or not values[source]:
            continue
        if op == "skip_connect":
            values[node] += values[source]
        else:
            found[len(found) + 1] = (op, tuple(values[source]), edge)
            values[node].append(len(found))
    return found, tuple(values[-1])


def _live(found: _Found, output: Terms) -> list[int]:
    """Return the operations that reach the output, in order."""
    reached: set[int] = set()
    waiting = list(output)
    while waiting:
        term = waiting.pop()
        if term and term not in reached:
            reached.add(term)
            waiting += found[term][1]
    return sorted(reached)


def _colours(found: _Found, live: list[int]) -> dict[int, _Colour]:
    """Return what each operation computes, written out without sharing."""
    colours: dict[int, _Colour] = {0: ("", ())}
    for number in live:
        op, terms, _ = found[number]
        colours[number] = (op, tuple(sorted(colours[term] for term in terms)))
    return colours


def _orders(live: list[int], found: _Found, colours: dict[int, _Colour]) -> Iterator[list[int]]:
    """Yield the orders worth trying: by distance from the input, then by colour, ties in every permutation."""
    distance = {0: 0}
    classes: dict[tuple[int, _Colour], list[int]] = {}
    for number in live:
        distance[number] = 1 + max(distance[term] for term in found[number][1])
        classes.setdefault((distance[number], colours[number]), []).append(number)
    for parts in product(*(permutations(classes[key]) for key in sorted(classes))):
        yield list(chain.from_iterable(parts))


def _renumbered(order: list[int], found: _Found, output: Terms) -> tuple[tuple[tuple[str, Terms], ...], Terms]:
    place = {0: 0} | {number: k for k, number in enumerate(order, 1)}
    operations = tuple((found[n][0], tuple(sorted(place[t] for t in found[n][1]))) for n in order)
    return operations, tuple(sorted(place[t] for t in output))
