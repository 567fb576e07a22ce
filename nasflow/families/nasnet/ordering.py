"""One order for all graphs of operations that differ by their numbering alone.

Vertices are told apart by what they read and by who reads them, again and again, until nothing more is told apart
(colour refinement). Where several are still alike, each is tried as the first of them, and the smallest description
wins. One is left out when it leads to a description met before: then a symmetry of the graph maps it to the one that
led there, and everything below it is the same (McKay, 1981).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Terms = tuple[int, ...]
"""A sum, sorted: the numbers of inputs and operations; a repeated one counts as often as it is there."""


@dataclass(frozen=True, order=True)
class Dag:
    """Operations on sums.

    Attributes:
        inputs: Number of inputs; they are numbered from 0, the operations after them.
        operations: Name and input of each operation; it reads inputs and earlier operations.
        outputs: The sums that go out, in no order.
    """

    inputs: int
    operations: tuple[tuple[str, Terms], ...]
    outputs: tuple[Terms, ...]


def ordered(dag: Dag) -> Dag:
    """Return the graph in canonical order: equal for graphs that a renumbering of operations makes equal.

    Inputs keep their numbers. Outputs are sorted.
    """
    graph = _Graph(dag)
    return graph.smallest(graph.refined(graph.first_ranks()))


class _Graph:
    """Inputs, operations and outputs as vertices, numbered in this order."""

    def __init__(self, dag: Dag) -> None:
        self.dag = dag
        self.reads: list[Terms] = [()] * dag.inputs + [reads for _, reads in dag.operations] + list(dag.outputs)
        self.readers: list[list[int]] = [[] for _ in self.reads]
        for vertex, reads in enumerate(self.reads):
            for term in reads:
                self.readers[term].append(vertex)

    def first_ranks(self) -> list[int]:
        """Return ranks by number for inputs, by depth and name for operations, and one after them for outputs."""
        inputs, operations = self.dag.inputs, self.dag.operations
        keys: list[tuple[int, int, str]] = [(0, number, "") for number in range(inputs)]
        depth = [0] * inputs
        for name, reads in operations:
            depth.append(1 + max(depth[term] for term in reads))
            keys.append((1, depth[-1], name))
        keys += [(2, 0, "")] * len(self.dag.outputs)
        return _ranked(keys)

    def refined(self, ranks: list[int]) -> list[int]:
        """Tell vertices apart by the ranks of what they read and of who reads them; the order of ranks stays."""
        while True:
            keys = [
                (rank, _renumbered(reads, ranks), _renumbered(readers, ranks))
                for rank, reads, readers in zip(ranks, self.reads, self.readers, strict=True)
            ]
            finer = _ranked(keys)
            if finer == ranks:
                return finer
            ranks = finer

    def smallest(self, ranks: list[int]) -> Dag:
        """Return the smallest description that some way of breaking the ties leads to."""
        tied = _tied(ranks)
        if not tied:
            return self._described(ranks)
        found: list[Dag] = []
        met: set[Dag] = set()
        for vertex in tied:
            chosen = self._preferring(vertex, ranks)
            leaf = self._leaf(chosen)
            if leaf not in met:
                met.add(leaf)
                found.append(self.smallest(chosen))
        return min(found)

    def _preferring(self, vertex: int, ranks: list[int]) -> list[int]:
        return self.refined(_ranked([(rank, number != vertex) for number, rank in enumerate(ranks)]))

    def _leaf(self, ranks: list[int]) -> Dag:
        while tied := _tied(ranks):
            ranks = self._preferring(tied[0], ranks)
        return self._described(ranks)

    def _described(self, ranks: list[int]) -> Dag:
        operations: list[tuple[str, Terms]] = [("", ())] * len(self.dag.operations)
        for vertex, (name, reads) in enumerate(self.dag.operations, self.dag.inputs):
            operations[ranks[vertex] - self.dag.inputs] = (name, _renumbered(reads, ranks))
        outputs = sorted(_renumbered(terms, ranks) for terms in self.dag.outputs)
        return Dag(self.dag.inputs, tuple(operations), tuple(outputs))


def _renumbered(terms: Sequence[int], ranks: Sequence[int]) -> Terms:
    return tuple(sorted(ranks[term] for term in terms))


def _ranked(keys: Sequence[tuple[Any, ...]]) -> list[int]:
    """Return the place of each key among all different ones."""
    places = {key: place for place, key in enumerate(sorted(set(keys)))}
    return [places[key] for key in keys]


def _tied(ranks: Sequence[int]) -> list[int]:
    """Return the vertices of the first rank that several share."""
    shared = [rank for rank in set(ranks) if ranks.count(rank) > 1]
    return [vertex for vertex, rank in enumerate(ranks) if rank == min(shared)] if shared else []
