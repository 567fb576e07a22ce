"""Random search: the baseline that is hard to beat (Bergstra and Bengio 2012; Li and Talwalkar 2019)."""

from __future__ import annotations

from nasflow.config import Options
from nasflow.strategies.novelty import Unseen, ending_note
from nasflow.strategies.protocol import Problem, Proposal
from nasflow.trials import Candidate, History


class RandomOptions(Options):
    """Random search has no options."""


class RandomSearch:
    """Draws uniformly from the assignments of the space, no network twice; ends when none is left."""

    Options = RandomOptions

    def __init__(self, options: RandomOptions) -> None:
        self.options = options

    def propose(self, problem: Problem, history: History, count: int) -> Proposal:
        """Return `count` new networks, fewer only where no more were found."""
        unseen = Unseen(problem, history, problem.rng(history))
        candidates: list[Candidate] = []
        while len(candidates) < count and (drawn := unseen.draw()) is not None:
            candidates.append(Candidate(drawn, problem.fidelity, origin="random"))
        return Proposal(tuple(candidates), note=ending_note(problem, history, len(candidates), count))
