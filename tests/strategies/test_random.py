"""Random search keeps the contract, and draws uniformly."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from nasflow.spaces import Bound
from nasflow.strategies.random import RandomOptions, RandomSearch
from nasflow.testing.strategies import StrategyContract
from nasflow.testing.toy import run_search, toy_problem, toy_space
from nasflow.trials import History


class TestRandomSearch(StrategyContract):
    strategy = RandomSearch


@pytest.mark.parametrize("constraint", [None, {"parameters": Bound(less_than=1_000)}])
def test_the_first_draw_is_uniform_over_assignments(constraint: dict[str, Bound] | None) -> None:
    """Chi-square at 1e-6: with right draws and other seeds, this fails once in a million."""
    from scipy.stats import chisquare

    space = toy_space(2, constraint)
    allowed = [number for number, _ in space.enumerate()]
    strategy = RandomSearch(RandomOptions())
    drawn: Counter[int] = Counter()
    for seed in range(40 * len(allowed)):
        (candidate,) = strategy.propose(toy_problem(space, seed=seed), History(), 1).candidates
        drawn[space.tree.number(candidate.architecture.choices)] += 1
    assert chisquare([drawn[number] for number in allowed]).pvalue > 1e-6


def test_the_last_draws_of_a_large_space_need_no_luck() -> None:
    """A few networks in 11,110 are allowed: the last one is found by a thousand draws once in eleven times."""
    space = toy_space(4, {"flops": Bound(more_than=7_100_000)})
    history, last = run_search(RandomSearch(RandomOptions()), toy_problem(space), 1_000, round_size=3)
    assert history.architectures == {a.id for _, a in space.enumerate()}
    assert 0 < len(history) < 100
    number = len(history)
    assert last.note == (
        f"The space of 11,110 assignments has no more than {number} different networks with flops above 7,100,000."
    )


def test_origin_is_told() -> None:
    proposal = RandomSearch(RandomOptions()).propose(toy_problem(), History(), 3)
    assert [(c.origin, c.parents) for c in proposal.candidates] == [("random", ())] * 3


def test_there_are_no_options() -> None:
    with pytest.raises(ValidationError, match="population_size"):
        RandomOptions.model_validate({"population_size": 3})
