"""The linear search keeps the contract, and goes in order."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nasflow.spaces import Bound
from nasflow.strategies.grid import GridOptions, GridSearch
from nasflow.testing.strategies import StrategyContract
from nasflow.testing.toy import ToySpace, run_search, toy_problem, toy_space
from nasflow.trials import History


class TestGridSearch(StrategyContract):
    strategy = GridSearch
    seeded = False


class TestGridWithStride(StrategyContract):
    strategy = GridSearch
    options = {"stride": 7}
    seeded = False


def numbers(history: History, space: ToySpace) -> list[int]:
    return [space.tree.number(entry.trial.architecture.choices) for entry in history]


@pytest.mark.parametrize("round_size", [1, 3, 8, 1_000])
def test_goes_through_the_space_in_order_whatever_the_rounds(round_size: int) -> None:
    space = toy_space(3, {"parameters": Bound(less_than=3_000)})
    history, _ = run_search(GridSearch(GridOptions()), toy_problem(space), 10_000, round_size=round_size)
    seen: set[str] = set()
    expected = []
    for number, architecture in space.enumerate():
        if architecture.id not in seen:
            seen.add(architecture.id)
            expected.append(number)
    assert numbers(history, space) == expected


def test_a_stride_cuts_through_the_space_first_and_fills_the_gaps_later() -> None:
    space = toy_space(1)
    history, _ = run_search(GridSearch(GridOptions(stride=4)), toy_problem(space), 100, round_size=3)
    assert space.size == 10
    assert numbers(history, space) == [0, 4, 8, 1, 5, 9, 2, 6, 3, 7]


@pytest.mark.parametrize("size", [1, 2, 7, 10, 12])
@pytest.mark.parametrize("stride", [1, 2, 3, 5, 7, 12, 100])
def test_the_order_of_a_stride_is_one_to_one(size: int, stride: int) -> None:
    grid = GridSearch(GridOptions(stride=stride))
    order = [grid._number(place, size) for place in range(size)]
    assert order == [number for start in range(stride) for number in range(start, size, stride)]
    assert [grid._place(number, size) for number in order] == list(range(size))


def test_goes_on_without_looking_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A history of any length costs one look at its last entry."""
    space = toy_space(6)
    problem = toy_problem(space)
    history, _ = run_search(GridSearch(GridOptions()), problem, 400, round_size=50)
    looked_at: list[int] = []
    at = ToySpace.at
    monkeypatch.setattr(ToySpace, "at", lambda self, number: looked_at.append(number) or at(self, number))
    GridSearch(GridOptions()).propose(problem, history, 5)
    last = numbers(history, space)[-1]
    assert looked_at[0] == last + 1
    assert len(looked_at) <= 20


def test_entries_that_the_space_does_not_know_are_passed_over() -> None:
    space = toy_space(1)
    known, _ = run_search(GridSearch(GridOptions()), toy_problem(space), 3)
    foreign, _ = run_search(GridSearch(GridOptions(stride=500)), toy_problem(toy_space(4)), 5)
    proposal = GridSearch(GridOptions()).propose(toy_problem(space), History([*known, *foreign.entries[-2:]]), 1)
    assert space.tree.number(proposal.candidates[0].architecture.choices) == 3


def test_a_stride_is_at_least_one() -> None:
    with pytest.raises(ValidationError, match="stride"):
        GridOptions(stride=0)
