"""Drawing networks that a search does not know yet and may use: what every strategy needs."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from nasflow.objectives.loading import cheap_rejection
from nasflow.spaces import ENUMERABLE, Architecture
from nasflow.strategies.protocol import Problem
from nasflow.trials import History

_REJECTIONS = 1_000


def admissible(problem: Problem, architecture: Architecture) -> bool:
    """Whether a network of the space keeps the constraints and the bounds of the cheap objectives.

    One that breaks such a bound would be rejected without training, and a trial would be lost on it; so would one be at
    whose cost its family fails. Where neither constraint nor objective asks for the cost, it is not counted here: such
    a network is proposed, and fails as a trial.
    """
    space = problem.space
    if not space.keeps_constraints(architecture):
        return False
    if not any(o.cheap for o in problem.objectives):
        return True
    cost = space.known_cost(architecture)
    return cost is not None and cheap_rejection(problem.objectives, cost) is None


class Unseen:
    """The networks that are left to propose: admissible, and neither in the history nor given out before.

    Args:
        problem: The search.
        history: What was proposed so far.
        rng: Where draws come from.
    """

    def __init__(self, problem: Problem, history: History, rng: random.Random) -> None:
        self._problem = problem
        self._rng = rng
        self._known = set(history.architectures)
        self._rest: Iterator[Architecture] | None = None

    def take(self, architecture: Architecture | None) -> Architecture | None:
        """Return an architecture and remember it as given out, or None where it is known or not admissible."""
        if architecture is None or architecture.id in self._known or not admissible(self._problem, architecture):
            return None
        self._known.add(architecture.id)
        return architecture

    def first(self, architectures: Iterable[Architecture | None]) -> Architecture | None:
        """Return the first that can be taken, or None."""
        return next((taken for one in architectures if (taken := self.take(one)) is not None), None)

    def draw(self) -> Architecture | None:
        """Draw uniformly from the assignments whose networks are left.

        Rejection comes first. Where a thousand draws in a row were of no use, few are left: a space of at most 50,000
        assignments is then gone through in random order to its end, and as many draws are made from a larger one.

        Returns:
            A network, or None where none is left; in a larger space: where none was found.
        """
        if self._rest is None:
            size = self._problem.space.size
            found = self.first(self._at(self._rng.randrange(size)) for _ in range(_REJECTIONS))
            if found is not None:
                return found
            if size <= ENUMERABLE:
                numbers = list(range(size))
                self._rng.shuffle(numbers)
                self._rest = map(self._at, numbers)
            else:
                self._rest = (self._at(self._rng.randrange(size)) for _ in range(ENUMERABLE))
        return self.first(self._rest)

    def _at(self, number: int) -> Architecture:
        return self._problem.space.at(number)


def ending_note(problem: Problem, history: History, found: int, wanted: int, tries: int = ENUMERABLE) -> str:
    """Return the sentence that tells a user why a proposal is short, or nothing where it is not.

    Args:
        problem: The search.
        history: What was proposed before.
        found: Candidates that the proposal has.
        wanted: Candidates asked for.
        tries: Assignments that were looked at in vain, where the space has more.
    """
    if found >= wanted:
        return ""
    size = problem.space.size
    bounds = [f"{name} {bound}" for name, bound in problem.space.constraints.items()]
    bounds += [f"{o.name} {o.bound}" for o in problem.objectives if o.cheap and str(o.bound)]
    within = f" with {' and '.join(bounds)}" if bounds else ""
    if size <= tries:
        total = len(history.architectures) + found
        return f"The space of {size:,} assignments has no more than {total:,} different networks{within}."
    return f"No further network{within} was found in {tries:,} tries in a space of {size:,} assignments."
