"""A search gone through without training, to see which networks it would train: for estimates of its time.

Strategies see made-up results. Larger networks are a little better in them, as they are in short trainings, so that a
strategy that breeds from the best drifts to larger ones here as it does there.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from nasflow.ids import seed_of
from nasflow.objectives import Objective, ranked
from nasflow.objectives.loading import cheap_rejection, load_measure
from nasflow.spaces import Architecture, NetworkCost
from nasflow.strategies import Problem, Strategy
from nasflow.trials import Candidate, Entry, History, Status, Trial, TrialResult

MOST_TRIALS = 160
"""More trials are not gone through: the later ones resemble those before."""

_GAIN = 0.5
"""By how much the logit of the made-up accuracy grows with the logarithm of FLOPs, in standard deviations of chance."""


@dataclass(frozen=True)
class Rehearsal:
    """What a search would train.

    Attributes:
        rounds: The networks of each round that have not been trained yet; not all of them where the search is long.
        left: Trials that have not been trained yet.
        finalists: The networks that would be trained in full.
    """

    rounds: tuple[tuple[Architecture, ...], ...]
    left: int
    finalists: tuple[Architecture, ...]


def rehearse(
    problem: Problem, strategy: Strategy, history: History, *, round_size: int, candidates: int, usual_flops: float
) -> Rehearsal:
    """Go through a search from where it is.

    Args:
        problem: What the strategy may know.
        strategy: The strategy.
        history: What is known of the search; a trial without a result is still to be trained.
        round_size: Trials of a round.
        candidates: Networks that are trained in full.
        usual_flops: FLOPs of a network of middling size, such as the reference.
    """
    entries = list(history)
    rounds: list[tuple[Architecture, ...]] = []
    waiting = [entry.trial.architecture for entry in entries if entry.result is None]
    if waiting:
        rounds.append(tuple(_trained(problem, waiting)))
        entries = [Entry(e.trial, e.result or _result(problem, e.trial, usual_flops)) for e in entries]
    state = problem.state
    while len(entries) < min(problem.trials, len(history) + MOST_TRIALS):
        count = min(round_size - len(entries) % round_size, problem.trials - len(entries))
        asked = Problem(**{**vars(problem), "state": state})
        proposal = strategy.propose(asked, History(entries), count)
        trials = [_trial(candidate) for candidate in proposal.candidates]
        entries += [Entry(trial, _result(problem, trial, usual_flops)) for trial in trials]
        rounds.append(tuple(_trained(problem, [trial.architecture for trial in trials])))
        state = proposal.state
        if len(trials) < count:
            break
    else:
        return _rehearsal(problem, entries, rounds, problem.trials - len(entries), candidates)
    return _rehearsal(problem, entries, rounds, 0, candidates)


def _rehearsal(
    problem: Problem, entries: Sequence[Entry], rounds: list[tuple[Architecture, ...]], more: int, candidates: int
) -> Rehearsal:
    best = ranked(problem.objectives, History(entries))[:candidates]
    left = sum(len(one) for one in rounds) + more
    return Rehearsal(tuple(rounds), left, tuple(entry.trial.architecture for entry in best))


def _trained(problem: Problem, architectures: Sequence[Architecture]) -> list[Architecture]:
    """Return those of the networks that no bound rejects before training, and whose family does not fail at them."""
    costs = ((one, problem.space.known_cost(one)) for one in architectures)
    return [one for one, cost in costs if cost is not None and cheap_rejection(problem.objectives, cost) is None]


def _trial(candidate: Candidate) -> Trial:
    return Trial(candidate.architecture, candidate.fidelity, 0, "rehearsal")


def _result(problem: Problem, trial: Trial, usual_flops: float) -> TrialResult:
    """Make a result up; it is the same for a network however often it is asked for."""
    cost = problem.space.known_cost(trial.architecture)
    if cost is None:
        return TrialResult(trial.id, Status.CRASHED)
    chance = random.Random(seed_of("rehearsal", trial.architecture.id))
    size = math.log(max(1.0, cost.flops) / max(1.0, usual_flops))
    accuracy = 1 / (1 + math.exp(-min(50.0, _GAIN * size + chance.gauss(0, 1))))
    metrics = {o.name: _value(o, cost, accuracy) for o in problem.objectives}
    rejected = cheap_rejection(problem.objectives, cost) is not None
    return TrialResult(trial.id, Status.REJECTED if rejected else Status.COMPLETED, metrics)


def _value(objective: Objective, cost: NetworkCost, accuracy: float) -> float:
    if objective.cheap:
        return load_measure(objective.name).before_training(cost)
    if objective.measured or objective.name.endswith("_seconds"):
        return float(cost.flops)
    return accuracy if objective.direction == "maximize" else 1 - accuracy
