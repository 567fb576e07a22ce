"""Drawing a network, vertex by vertex."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nasflow.spaces import Graph, Node


class Drawing:
    """A graph in the making."""

    def __init__(self) -> None:
        self._nodes: list[Node] = []
        self._edges: list[tuple[str, str]] = []
        self._sums: dict[tuple[str, ...], str] = {}

    def add(self, label: str, detail: str = "", after: Sequence[str] = ()) -> str:
        """Add a vertex that reads from others.

        Args:
            label: Name of the operation.
            detail: Its settings.
            after: Ids of the vertices it reads from; a repeated one is drawn once.

        Returns:
            Its id.
        """
        name = f"n{len(self._nodes)}"
        self._nodes.append(Node(name, label, detail))
        self._edges += [(source, name) for source in dict.fromkeys(after)]
        return name

    def total(self, terms: Sequence[str]) -> str:
        """Return the vertex of a sum; equal sums are drawn once, and a single term is its own.

        Args:
            terms: Ids of the vertices that are added, at least one; a repeated one counts as often as it is there.
        """
        key = tuple(terms)
        if len(terms) == 1:
            return key[0]
        if key not in self._sums:
            counts = Counter(terms).values()
            weights = " + ".join(f"{count}×" for count in counts) if max(counts) > 1 else ""
            self._sums[key] = self.add("+", weights, terms)
        return self._sums[key]

    def graph(self) -> Graph:
        """Return the finished graph."""
        return Graph(tuple(self._nodes), tuple(self._edges))
