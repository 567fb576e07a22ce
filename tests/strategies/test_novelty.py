"""Drawing what is left."""

from __future__ import annotations

import random
from typing import Any

import pytest

from nasflow.errors import SpaceError
from nasflow.objectives import Objective
from nasflow.spaces import Architecture, Bound
from nasflow.strategies import Problem, novelty
from nasflow.strategies.grid import GridOptions, GridSearch
from nasflow.strategies.novelty import Unseen, admissible, ending_note
from nasflow.testing.toy import ACCURACY, ToyFamily, ToySpace, run_search, toy_problem, toy_space
from nasflow.trials import History

NOTHING = History()
SMALL = Objective("parameters", "minimize", Bound(less_than=1_000), cheap=True)


def drawn(problem: Problem, history: History = NOTHING) -> list[Architecture]:
    unseen, found = Unseen(problem, history, random.Random(0)), []
    while (one := unseen.draw()) is not None:
        found.append(one)
    return found


def test_admissible_is_within_constraints_and_cheap_bounds() -> None:
    space = toy_space(2, {"flops": Bound(less_than=50_000)})
    problem = toy_problem(space, (ACCURACY, SMALL))
    for number in range(space.size):
        architecture = space.at(number)
        cost = space.cost(architecture)
        assert admissible(problem, architecture) == (cost.flops < 50_000 and cost.parameters < 1_000)


def test_costly_bounds_are_not_known_yet() -> None:
    costly = Objective("train_seconds", "minimize", Bound(less_than=1e-9))
    assert admissible(toy_problem(objectives=(ACCURACY, costly)), toy_space().at(0))


def test_takes_each_network_once_and_only_admissible_ones() -> None:
    space = toy_space(2)
    problem = toy_problem(space, (ACCURACY, SMALL))
    history, _ = run_search(GridSearch(GridOptions()), problem, 3)
    unseen = Unseen(problem, history, random.Random(0))
    small = space.architecture({"depth": 1, "layer1.kind": "pool"})
    wide = {"layer1.kind": "conv", "layer1.width": 64, "layer1.activation": "relu"}
    large = space.architecture({"depth": 2, **wide, "layer2.kind": "pool"})
    assert unseen.take(history.entries[0].trial.architecture) is None
    assert unseen.take(None) is None
    assert unseen.take(large) is None
    assert unseen.take(small) is small
    assert unseen.take(small) is None
    assert unseen.first([None, large, small]) is None


@pytest.mark.parametrize("rejections", [0, 1, 20_000])
def test_draws_all_that_is_left_then_nothing(monkeypatch: pytest.MonkeyPatch, rejections: int) -> None:
    """By going through what is left, and by rejection alone."""
    monkeypatch.setattr(novelty, "_REJECTIONS", rejections)
    problem = toy_problem(toy_space(2))
    history, _ = run_search(GridSearch(GridOptions()), problem, 20)
    found = drawn(problem, history)
    everything = {a.id for _, a in problem.space.enumerate()}
    assert len(found) == len({a.id for a in found}) == len(everything) - 20
    assert {a.id for a in found} | history.architectures == everything


def test_the_rest_is_looked_at_once_not_for_every_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "_REJECTIONS", 10)
    looks: list[int] = []
    at = ToySpace.at
    monkeypatch.setattr(ToySpace, "at", lambda self, number: looks.append(number) or at(self, number))
    problem = toy_problem(toy_space(3))
    found = drawn(problem)
    assert len(found) > 500
    assert len(looks) <= 1_110 + 11 * len(found)
    tail = looks[-1_110:]
    assert sorted(tail) == list(range(1_110))


def test_a_large_space_is_given_up_after_a_bounded_number_of_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty, "ENUMERABLE", 200)
    monkeypatch.setattr(novelty, "_REJECTIONS", 30)
    looks: list[int] = []
    at = ToySpace.at
    monkeypatch.setattr(ToySpace, "at", lambda self, number: looks.append(number) or at(self, number))
    impossible = toy_problem(toy_space(9, {"flops": Bound(less_than=1)}))
    unseen = Unseen(impossible, History(), random.Random(0))
    assert [unseen.draw() for _ in range(5)] == [None] * 5
    assert len(looks) == 230


def test_notes() -> None:
    history, _ = run_search(GridSearch(GridOptions()), toy_problem(toy_space(2)), 5)
    small, bounded = toy_problem(toy_space(2)), toy_problem(toy_space(9, {"flops": Bound(7)}), (ACCURACY, SMALL))
    assert ending_note(small, history, 4, 4) == ""
    assert ending_note(small, history, 3, 4) == ("The space of 110 assignments has no more than 8 different networks.")
    assert ending_note(bounded, history, 0, 4) == (
        "No further network with flops below 7 and parameters below 1,000 was found in 50,000 tries "
        "in a space of 1,111,111,110 assignments."
    )


class Failing(ToyFamily):
    """Cannot tell the cost of networks with more than one layer."""

    def cost(self, form: Any, io: Any) -> Any:
        if len(form["layers"]) > 1:
            raise SpaceError("the network fails.")
        return super().cost(form, io)


def test_a_network_whose_cost_cannot_be_told_is_admissible_where_nobody_asks_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ToySpace, "provider", Failing())
    deep = next(one for one in map(toy_space(2).at, range(110)) if len(one.form["layers"]) > 1)
    assert admissible(toy_problem(toy_space(2)), deep)
    assert not admissible(toy_problem(toy_space(2), (ACCURACY, SMALL)), deep)
    assert not admissible(toy_problem(toy_space(2, {"flops": Bound(less_than=1e12)})), deep)
    assert all(len(one.form["layers"]) < 2 for one in drawn(toy_problem(toy_space(2), (ACCURACY, SMALL))))
