"""Regularised evolution (Real et al. 2019, Regularized Evolution for Image Classifier Architecture Search, AAAI).

Beside the mutation of the paper there is uniform crossover. The population is no state of its own: it is the youngest
completed trials of the history, which is what ageing comes to.
"""

from __future__ import annotations

import random
from itertools import islice
from typing import Self

from pydantic import Field, model_validator

from nasflow.config import Options
from nasflow.objectives import rank_key
from nasflow.spaces import Architecture, cross, mutate
from nasflow.strategies.novelty import Unseen, ending_note
from nasflow.strategies.protocol import Problem, Proposal
from nasflow.trials import Candidate, Entry, History, Status

_TRIES = 20
_ATTEMPTS = 10


class EvolutionOptions(Options):
    """Options of regularised evolution.

    The defaults are for budgets of tens to hundreds of trials: the population of NAS-Bench-201 (Dong and Yang 2020), so
    that of 24 trials 10 are drawn at random and 14 are bred, and tournaments of half of it, since so few generations
    need a strong hand. The paper's own, 100 and 25, are for thousands of trials.
    """

    population_size: int = Field(default=10, ge=2)
    """How many of the youngest completed trials may become parents; the first so many trials are drawn at random."""

    sample_size: int | None = Field(default=None, ge=1)
    """How many of them are drawn, with replacement, for a tournament, whose best becomes a parent; by default half."""

    crossover_probability: float = Field(default=0.25, ge=0, le=1)
    """Share of the candidates that have two parents and are mixed from both; the others are mutations of one."""

    @model_validator(mode="after")
    def _sample_fits_population(self) -> Self:
        if self.sample_size is not None and self.sample_size > self.population_size:
            raise ValueError(
                f"sample_size must be at most population_size ({self.population_size}), not {self.sample_size}"
            )
        return self

    @property
    def tournament(self) -> int:
        """How many are drawn for a tournament."""
        return self.sample_size if self.sample_size is not None else self.population_size // 2


class RegularizedEvolution:
    """Breeds candidates from the best of small samples of the youngest trials.

    Failed and rejected trials, and those without a result, are never parents. Where breeding gives nothing new,
    networks are drawn at random, until none is left.
    """

    Options = EvolutionOptions

    def __init__(self, options: EvolutionOptions) -> None:
        self.options = options

    def propose(self, problem: Problem, history: History, count: int) -> Proposal:
        """Return `count` new networks, all bred from the same history; fewer only where no more were found."""
        rng = problem.rng(history)
        unseen = Unseen(problem, history, rng)
        population = self._population(problem, history)
        warm_up = self._warm_up(history) if population else count
        candidates: list[Candidate] = []
        while len(candidates) < count:
            bred = self._bred(problem, population, unseen, rng) if len(candidates) >= warm_up else None
            candidate = bred or _drawn(problem, unseen)
            if candidate is None:
                break
            candidates.append(candidate)
        return Proposal(tuple(candidates), note=ending_note(problem, history, len(candidates), count))

    def _population(self, problem: Problem, history: History) -> list[Entry]:
        """Return the youngest completed trials, best first."""
        completed = (e for e in reversed(history.entries) if e.result and e.result.status is Status.COMPLETED)
        youngest = islice(completed, self.options.population_size)
        return sorted(youngest, key=lambda entry: rank_key(problem.objectives, entry))

    def _warm_up(self, history: History) -> int:
        """Return how many random networks are still to come; those that failed are made up for."""
        hopeful = (e for e in history if e.result is None or e.result.status is Status.COMPLETED)
        return self.options.population_size - sum(1 for _ in islice(hopeful, self.options.population_size))

    def _bred(self, problem: Problem, population: list[Entry], unseen: Unseen, rng: random.Random) -> Candidate | None:
        """Return a new mutation or crossover, or None where 20 tries gave none."""
        crossing = rng.random() < self.options.crossover_probability
        for _ in range(_TRIES):
            first = self._parent(population, rng)
            second = self._parent(population, rng) if crossing else first
            if first == second:
                origin, child = "mutation", mutate(problem.space, first, rng, _ATTEMPTS)
            else:
                origin, child = "crossover", cross(problem.space, first, second, rng, _ATTEMPTS)
            if (taken := unseen.take(child)) is not None:
                parents = dict.fromkeys((first.id, second.id))
                return Candidate(taken, problem.fidelity, tuple(parents), origin)
        return None

    def _parent(self, population: list[Entry], rng: random.Random) -> Architecture:
        """Return the winner of a tournament; the population is sorted, so the lowest place wins."""
        best = min(rng.randrange(len(population)) for _ in range(self.options.tournament))
        return population[best].trial.architecture


def _drawn(problem: Problem, unseen: Unseen) -> Candidate | None:
    drawn = unseen.draw()
    return Candidate(drawn, problem.fidelity, origin="random") if drawn is not None else None
