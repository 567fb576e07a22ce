"""What a strategy offers: a function from a problem and its history to the next candidates."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from nasflow.config import Options
from nasflow.ids import seed_of
from nasflow.objectives import Objective
from nasflow.spaces import SearchSpace
from nasflow.trials import Candidate, Fidelity, History


@dataclass(frozen=True)
class Problem:
    """Everything that a strategy may know.

    Attributes:
        space: The networks it may propose.
        objectives: What makes a network good, the deciding one first.
        fidelity: The training that a trial gets.
        trials: Trials that the whole search may have.
        seed: The search's seed.
        generation: How many times this search was started anew; enters the randomness.
        state: What the strategy returned as its state with its last proposal; None at first.
    """

    space: SearchSpace
    objectives: tuple[Objective, ...]
    fidelity: Fidelity
    trials: int
    seed: int
    generation: int = 0
    state: Mapping[str, Any] | None = None

    def rng(self, history: History) -> random.Random:
        """Return the one source of randomness for the next proposal.

        It depends on the seed, the generation and the history's length.
        """
        return random.Random(seed_of("strategy", self.seed, self.generation, len(history)))


@dataclass(frozen=True)
class Proposal:
    """What a strategy answers.

    Attributes:
        candidates: At most as many as asked for; fewer only where the space has no more. None was proposed before.
        state: JSON-compatible state that the strategy wants to see again in `Problem.state`.
        note: A sentence for the user, or empty.
    """

    candidates: tuple[Candidate, ...]
    state: Mapping[str, Any] | None = field(default=None)
    note: str = ""


class Strategy(Protocol):
    """A search strategy."""

    Options: ClassVar[type[Options]]
    """Model of `strategy.options`."""

    def __init__(self, options: Any) -> None:
        """Take validated options."""
        ...

    def propose(self, problem: Problem, history: History, count: int) -> Proposal:
        """Return up to `count` candidates: new architectures, legal in the space, different from each other.

        A pure function: the same problem, history and count give the same proposal. Entries of the history may have
        failed, and may have no result yet.
        """
        ...
