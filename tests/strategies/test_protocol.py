"""What a strategy is given."""

from __future__ import annotations

from dataclasses import replace

from nasflow.strategies.random import RandomOptions, RandomSearch
from nasflow.testing.toy import run_search, toy_problem
from nasflow.trials import History


def test_randomness_comes_from_seed_generation_and_length_of_the_history() -> None:
    problem = toy_problem()
    history, _ = run_search(RandomSearch(RandomOptions()), problem, 2)
    others = [
        (problem, History()),
        (problem, history),
        (replace(problem, seed=1), History()),
        (replace(problem, generation=1), History()),
    ]
    drawn = [problem.rng(history).random() for problem, history in others]
    assert drawn == [problem.rng(history).random() for problem, history in others]
    assert len(set(drawn)) == len(drawn)


def test_randomness_does_not_come_from_what_the_history_holds() -> None:
    """Results arrive in any order; what is drawn must not depend on that."""
    problem = toy_problem()
    first, _ = run_search(RandomSearch(RandomOptions()), problem, 3)
    second, _ = run_search(RandomSearch(RandomOptions()), replace(problem, seed=5), 3)
    assert problem.rng(first).random() == problem.rng(second).random()


def test_the_stream_stands_for_ever() -> None:
    """A search that was begun with an earlier release goes on with this one."""
    assert toy_problem(seed=3).rng(History()).randrange(10**9) == 862033544
