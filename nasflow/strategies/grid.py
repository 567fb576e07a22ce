"""The linear search: every network of the space, in order."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field

from nasflow.config import Options
from nasflow.errors import SpaceError
from nasflow.spaces import Architecture
from nasflow.strategies.novelty import Unseen, ending_note
from nasflow.strategies.protocol import Problem, Proposal
from nasflow.trials import Candidate, History

LOOK_AHEAD = 100_000
"""Assignments that one proposal looks at, at most, in search of new networks within the bounds (seconds)."""


class GridOptions(Options):
    """Options of the linear search."""

    stride: int = Field(default=1, ge=1)
    """Every how many assignments one is taken. At the end of the space the search goes on with those left out, so that
    a stride changes the order alone: a cut through the whole space first, the gaps later."""


class GridSearch:
    """Goes through the assignments in the order of the space's numbering: the last choice varies fastest.

    Where to go on follows from the last entry of the history. A network that several assignments describe is proposed
    at the first of them that is met.
    """

    Options = GridOptions

    def __init__(self, options: GridOptions) -> None:
        self.options = options

    def propose(self, problem: Problem, history: History, count: int) -> Proposal:
        """Return the next `count` new networks; fewer only where the space ends.

        In a space where 100,000 assignments in a row give nothing new within the bounds, that counts as the end.
        """
        unseen = Unseen(problem, history, problem.rng(history))
        ahead = self._ahead(problem, history)
        candidates: list[Candidate] = []
        while len(candidates) < count and (following := unseen.first(ahead)) is not None:
            candidates.append(Candidate(following, problem.fidelity, origin="grid"))
        return Proposal(tuple(candidates), note=ending_note(problem, history, len(candidates), count, LOOK_AHEAD))

    def _ahead(self, problem: Problem, history: History) -> Iterator[Architecture]:
        """Yield the assignments from the present position on, then those before it: others may have left gaps there."""
        size = problem.space.size
        position = self._position(problem, history)
        for step in range(min(size, LOOK_AHEAD)):
            yield problem.space.at(self._number((position + step) % size, size))

    def _position(self, problem: Problem, history: History) -> int:
        """Return the place behind that of the last entry which the space knows."""
        for entry in reversed(history.entries):
            try:
                return self._place(problem.space.tree.number(entry.trial.architecture.choices), problem.space.size) + 1
            except SpaceError:
                continue
        return 0

    def _number(self, place: int, size: int) -> int:
        """Return the assignment at a place in the order of 0, stride, 2·stride, …, 1, 1 + stride, … and so on."""
        lap, longer = divmod(size, self.options.stride)
        if place < longer * (lap + 1):
            start, step = divmod(place, lap + 1)
        else:
            start, step = divmod(place - longer, lap)
        return start + step * self.options.stride

    def _place(self, number: int, size: int) -> int:
        """Return the place of an assignment; the inverse of `_number`."""
        lap, longer = divmod(size, self.options.stride)
        step, start = divmod(number, self.options.stride)
        return start * lap + min(start, longer) + step
