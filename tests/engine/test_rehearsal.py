"""A search gone through without training."""

from __future__ import annotations

from statistics import fmean
from typing import Any

import pytest

from nasflow.engine.rehearsal import MOST_TRIALS, Rehearsal, rehearse
from nasflow.engine.rounds import propose_round
from nasflow.trials import Entry, History


def gone_through(plan: Any, history: History | None = None, candidates: int = 2) -> Rehearsal:
    usual = float(plan.cost(plan.reference).flops)
    size = plan.config.parallelism.round_size
    return rehearse(
        plan.problem(None),
        plan.strategy,
        history or History(),
        round_size=size,
        candidates=candidates,
        usual_flops=usual,
    )


def ids(rounds: Any) -> list[list[str]]:
    return [[one.id for one in each] for each in rounds]


def test_a_strategy_that_does_not_look_proposes_just_these(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    real = []
    for number in range(plan.config.rounds):
        trials = propose_round(plan, records, number).trials
        real.append([trial.architecture.id for trial in trials])
        for trial in trials:
            finish(records, trial)
    found = gone_through(plan)
    assert ids(found.rounds) == real
    assert found.left == 7
    assert len(found.finalists) == 2
    assert gone_through(plan) == found


def test_it_goes_on_from_what_is_known(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    first = propose_round(plan, records, 0).trials
    finish(records, first[0])
    found = gone_through(plan, records.history())
    assert ids(found.rounds)[0] == [trial.architecture.id for trial in first[1:]]
    assert [len(each) for each in found.rounds] == [2, 3, 1]
    assert found.left == 6


def test_a_search_that_is_over_has_nothing_left(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned(budget={"trials": 3})
    records = kept(plan)
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial)
    found = gone_through(plan, records.history())
    assert (found.rounds, found.left) == ((), 0)
    assert len(found.finalists) == 2


def test_breeding_drifts_to_larger_networks(planned: Any) -> None:
    plan = planned(space="cnn", strategy="evolution", budget={"trials": 60}, parallelism={"round_size": 6})
    found = gone_through(plan)
    sizes = [fmean(plan.cost(one).flops for one in each) for each in found.rounds]
    assert fmean(sizes[-4:]) > fmean(sizes[:2])
    usual = fmean(plan.cost(one).flops for each in found.rounds for one in each)
    assert fmean(plan.cost(one).flops for one in found.finalists) > usual


def test_what_a_bound_rejects_takes_no_time(planned: Any) -> None:
    free = planned(strategy="random")
    middle = sorted(free.cost(one).parameters for each in gone_through(free).rounds for one in each)[3]
    bounded = planned(objectives=["val_accuracy", {"name": "parameters", "less_than": middle + 1}])
    found = gone_through(bounded)
    assert found.rounds
    assert all(bounded.cost(one).parameters <= middle for each in found.rounds for one in each)


def test_a_small_space_ends_it(planned: Any) -> None:
    space = {"family": "mlp", "options": {"max_depth": 1, "widths": [16], "dropouts": [0.0]}}
    found = gone_through(planned(space=space, budget={"trials": 40}, strategy="grid"))
    assert found.left == 15


def test_of_a_long_search_the_beginning_stands_for_all(planned: Any) -> None:
    plan = planned(budget={"trials": MOST_TRIALS + 100}, parallelism={"round_size": 20})
    found = gone_through(plan)
    assert sum(len(each) for each in found.rounds) == MOST_TRIALS
    assert found.left == MOST_TRIALS + 100


@pytest.mark.parametrize("name", ["val_loss", "train_seconds", "flops"])
def test_every_kind_of_objective_can_be_made_up(planned: Any, name: str) -> None:
    found = gone_through(planned(objectives=[name], strategy="evolution", budget={"trials": 15}))
    assert len(found.finalists) == 2


def test_entries_without_results_are_made_up_for_the_strategy_alone(planned: Any, kept: Any) -> None:
    plan = planned(strategy="evolution")
    records = kept(plan)
    propose_round(plan, records, 0)
    history = records.history()
    gone_through(plan, history)
    assert all(isinstance(entry, Entry) and entry.result is None for entry in history)


@pytest.mark.parametrize("objectives", [["val_accuracy"], ["val_accuracy", "parameters"]])
def test_a_network_that_fails_takes_no_time(planned: Any, kept: Any, fragile: Any, objectives: list[str]) -> None:
    plan = planned(space=fragile, objectives=objectives)
    found = gone_through(plan)
    assert sorted(one.choices["d"] for each in found.rounds for one in each) == [2, 3]
    records = kept(plan)
    propose_round(plan, records, 0)
    assert sorted(one.choices["d"] for each in gone_through(plan, records.history()).rounds for one in each) == [2, 3]
