"""Regularised evolution keeps the contract, breeds from the best of the youngest, and beats random search."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from pydantic import ValidationError

from nasflow.objectives import Objective
from nasflow.spaces import Bound
from nasflow.strategies import Strategy
from nasflow.strategies.evolution import EvolutionOptions, RegularizedEvolution
from nasflow.strategies.random import RandomOptions, RandomSearch
from nasflow.testing.strategies import StrategyContract
from nasflow.testing.toy import ACCURACY, run_search, toy_evaluator, toy_problem, toy_result, toy_space
from nasflow.trials import Candidate, Entry, History, Status, Trial, TrialResult


class TestRegularizedEvolution(StrategyContract):
    strategy = RegularizedEvolution


class TestEvolutionOfCrossings(StrategyContract):
    strategy = RegularizedEvolution
    options = {"population_size": 4, "sample_size": 4, "crossover_probability": 1.0}


def evolution(population: int = 6, sample: int = 3, crossover: float = 0.0) -> RegularizedEvolution:
    options = EvolutionOptions(population_size=population, sample_size=sample, crossover_probability=crossover)
    return RegularizedEvolution(options)


def origins(candidates: tuple[Candidate, ...]) -> list[str]:
    return [candidate.origin for candidate in candidates]


SPACE = toy_space(5)
PROBLEM = toy_problem(SPACE)


def random_history(count: int, evaluate: Callable[[Trial], TrialResult | None] | None = None) -> History:
    return run_search(RandomSearch(RandomOptions()), PROBLEM, count, evaluate=evaluate)[0]


def parents_of(history: History, strategy: Strategy, problem: object = PROBLEM, count: int = 60) -> Counter[str]:
    """How often each architecture became a parent."""
    proposal = strategy.propose(problem, history, count)  # type: ignore[arg-type]
    return Counter(parent for candidate in proposal.candidates for parent in candidate.parents)


def test_begins_at_random_until_the_population_is_full() -> None:
    assert origins(evolution().propose(PROBLEM, History(), 8).candidates) == ["random"] * 8
    proposal = evolution().propose(PROBLEM, random_history(4), 8)
    assert origins(proposal.candidates) == ["random"] * 2 + ["mutation"] * 6
    assert origins(evolution().propose(PROBLEM, random_history(6), 3).candidates) == ["mutation"] * 3


def test_random_trials_that_failed_are_made_up_for() -> None:
    half = random_history(12, toy_evaluator(SPACE, (Status.COMPLETED, Status.CRASHED)))
    completed = sum(1 for e in half if e.result and e.result.status is Status.COMPLETED)
    assert 0 < completed < 12
    found = Counter(origins(evolution(population=12).propose(PROBLEM, half, 20).candidates))
    assert found == {"random": 12 - completed, "mutation": 8 + completed}


def test_pending_trials_count_for_the_beginning_and_are_no_parents() -> None:
    history = random_history(8, toy_evaluator(SPACE, (Status.COMPLETED, None)))
    finished = {e.trial.architecture.id for e in history if e.result}
    assert 0 < len(finished) < 8
    proposal = evolution().propose(PROBLEM, history, 10)
    assert set(origins(proposal.candidates)) == {"mutation"}
    assert {parent for c in proposal.candidates for parent in c.parents} <= finished


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.COMPLETED])
def test_what_did_not_complete_is_never_a_parent(status: Status) -> None:
    history = random_history(30, toy_evaluator(SPACE, (Status.COMPLETED, status)))
    completed = {e.trial.architecture.id for e in history if e.result and e.result.status is Status.COMPLETED}
    found = parents_of(history, evolution())
    assert found
    assert set(found) <= completed


def test_only_the_youngest_are_parents() -> None:
    history = random_history(30)
    found = parents_of(history, evolution(population=6, sample=1))
    assert set(found) == {entry.trial.architecture.id for entry in history.entries[-6:]}


def test_a_tournament_prefers_the_better() -> None:
    """Of 200 parents, found by six draws with replacement out of six, the best is one with 1 - (5/6)^6 = 0.67 each.

    The limits lie 5 standard deviations away, but for children that are known already, of which the best has most.
    """
    history = random_history(6)
    best, second, *others = sorted(history, key=lambda e: -e.result.metrics["val_accuracy"] if e.result else 0)
    found: Counter[str] = Counter()
    for generation in range(50):
        found += parents_of(history, evolution(6, 6), replace(PROBLEM, generation=generation), count=4)
    assert found.total() == 200
    assert 100 < found[best.trial.architecture.id] < 167
    assert 20 < found[second.trial.architecture.id] < 84
    assert sum(found[entry.trial.architecture.id] for entry in others) < 50


def test_bounds_decide_before_accuracy() -> None:
    history = random_history(6)
    sizes = sorted(SPACE.cost(e.trial.architecture).parameters for e in history)
    bounded = (ACCURACY, Objective("parameters", "minimize", Bound(less_than=sizes[1]), cheap=False))
    smallest = next(e.trial for e in history if SPACE.cost(e.trial.architecture).parameters == sizes[0])
    found = parents_of(history, evolution(population=6, sample=6), toy_problem(SPACE, bounded), count=40)
    assert found.most_common(1)[0][0] == smallest.architecture.id


def test_mutants_differ_from_their_parent_in_one_choice() -> None:
    history = random_history(6)
    tried = {entry.trial.architecture.id: entry.trial.architecture for entry in history}
    for candidate in evolution().propose(PROBLEM, history, 20).candidates:
        (parent,) = (tried[parent] for parent in candidate.parents)
        shared = parent.choices.keys() & candidate.architecture.choices.keys()
        assert sum(parent.choices[name] != candidate.architecture.choices[name] for name in shared) == 1


def test_crossings_have_two_parents_and_their_values() -> None:
    history = random_history(6)
    tried = {entry.trial.architecture.id: entry.trial.architecture for entry in history}
    candidates = evolution(crossover=1.0).propose(PROBLEM, history, 20).candidates
    crossings = [candidate for candidate in candidates if candidate.origin == "crossover"]
    assert len(crossings) > 10
    for candidate in crossings:
        first, second = (tried[parent].choices for parent in candidate.parents)
        for name, value in candidate.architecture.choices.items():
            assert value in [choices[name] for choices in (first, second) if name in choices]


def test_the_share_of_crossings_is_as_asked_for() -> None:
    history = random_history(10)
    found = Counter(origins(evolution(10, 1, 0.5).propose(PROBLEM, history, 200).candidates))
    # 200 draws at 0.5, a tenth of them with one parent twice: mean 90, standard deviation 7; 5 of them: once in 10⁶
    assert 55 < found["crossover"] < 125
    assert "crossover" not in origins(evolution(10, 1, 0.0).propose(PROBLEM, history, 50).candidates)


def test_where_breeding_gives_nothing_new_networks_are_drawn() -> None:
    """All neighbours of the only parent are known: what is left is far from it."""
    space = toy_space(2)
    problem = toy_problem(space)
    everything, _ = run_search(RandomSearch(RandomOptions()), problem, 200)
    centre = next(e for e in everything if e.trial.architecture.form == {"layers": []})
    far = [e for e in everything if len(e.trial.architecture.form["layers"]) == 2]
    left = {entry.trial.architecture.id for entry in far}
    known = [Entry(e.trial, None) for e in everything if e.trial.architecture.id not in left and e is not centre]
    history = History([*known, centre])
    proposal = evolution(population=2, sample=1).propose(problem, history, 5)
    assert len(proposal.candidates) == 5
    assert set(origins(proposal.candidates)) == {"random"}


def test_beats_random_search() -> None:
    """On 30 landscapes, with 160 trials each, the best network found is the better one at least 23 times.

    Evolution wins on 97 % of landscapes (291 of 300 others, counted once): this fails by chance twice in a million.
    Were it no better than random search, it would pass in 0.3 % of cases.
    """

    def best(strategy: Strategy, landscape: int) -> float:
        history, _ = run_search(
            strategy,
            toy_problem(SPACE, seed=landscape),
            160,
            round_size=8,
            evaluate=lambda trial: toy_result(SPACE, trial, landscape),
        )
        return max(entry.result.metrics["val_accuracy"] for entry in history if entry.result)

    wins = sum(
        best(RegularizedEvolution(EvolutionOptions()), landscape) > best(RandomSearch(RandomOptions()), landscape)
        for landscape in range(30)
    )
    assert wins >= 23


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population_size": 3, "sample_size": 4}, r"sample_size must be at most population_size \(3\), not 4"),
        ({"population_size": 1}, "population_size"),
        ({"sample_size": 0}, "sample_size"),
        ({"crossover_probability": 1.5}, "crossover_probability"),
        ({"mutation_probability": 0.5}, "mutation_probability"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        EvolutionOptions.model_validate(options)


def test_a_tournament_is_half_of_the_population_by_default() -> None:
    assert EvolutionOptions().tournament == 5
    assert EvolutionOptions(population_size=2).tournament == 1
    assert EvolutionOptions(population_size=4, sample_size=3).tournament == 3
