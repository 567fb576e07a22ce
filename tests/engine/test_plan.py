"""What identifies a search, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.engine.plan import Known, make_space, reference_cost
from nasflow.errors import SpaceError
from nasflow.spaces import SearchSpace
from nasflow.trials import Patience


@pytest.mark.parametrize(
    "sections",
    [
        {"budget": {"trials": 50}},
        {"budget": {"trials": 7, "trial_seconds": 9.0, "max_failed_trials": 3}},
        {"final": {"candidates": 1, "epochs": 3}},
        {"registry": {"enabled": False}},
        {"tracking": {"experiment": "other"}},
        {"parallelism": {"round_size": 3, "shard_size": 1, "workers": 5}},
        {"resources": {"memory_gib": 3.0}},
        {"resources": {"accelerator": {"count": 2}, "labels": {"a": "b"}, "steps": {"report": {"cpu": 2}}}},
        {"strategy": {"name": "random", "options": {}}},
    ],
    ids=lambda sections: next(iter(sections)),
)
def test_what_can_change_without_another_search(planned: Any, sections: dict[str, Any]) -> None:
    assert planned(**sections).search_id == planned().search_id


@pytest.mark.parametrize(
    "sections",
    [
        {"name": "other"},
        {"seed": 1},
        {"space": {"family": "mlp", "choices": {"depth": [1]}}},
        {"space": {"family": "mlp", "constraints": {"parameters": {"less_than": 5000}}}},
        {"strategy": "evolution"},
        {"objectives": ["val_loss"]},
        {"objectives": [{"name": "val_accuracy"}, {"name": "parameters", "less_than": "reference"}]},
        {"fidelity": {"epochs": 3}},
        {"fidelity": {"data_fraction": 0.5}},
        {"training": {"learning_rate": 0.7}},
        {"parallelism": {"round_size": 4}},
        {"parallelism": {"round_size": 3, "threads": 2}},
        {"generation": 1},
        {"device_kind": "cuda-other"},
    ],
    ids=str,
)
def test_what_makes_another_search(planned: Any, sections: dict[str, Any]) -> None:
    assert planned(**sections).search_id != planned().search_id


def test_spelling_out_a_default_makes_no_other_search(planned: Any) -> None:
    assert (
        planned(strategy={"name": "evolution", "options": {"population_size": 10}}).search_id
        == planned(strategy="evolution").search_id
    )


def test_trials_are_the_same_in_another_generation_and_search(planned: Any) -> None:
    plans = [planned(), planned(generation=4), planned(name="other"), planned(budget={"trials": 30})]
    architecture = plans[0].space.sample(__import__("random").Random(0))
    assert len({plan.full_training(architecture).id for plan in plans}) == 1
    assert planned(seed=3).full_training(architecture).id != plans[0].full_training(architecture).id


def test_full_training_sees_all_the_data_for_the_final_epochs(planned: Any) -> None:
    plan = planned(fidelity={"epochs": 2, "data_fraction": 0.3}, final={"epochs": 9})
    trial = plan.full_training(plan.reference)
    assert (trial.fidelity.epochs, trial.fidelity.horizon, trial.fidelity.data_fraction) == (9, 9, 1.0)
    assert trial.origin == "final"
    assert (plan.fidelity.epochs, plan.fidelity.data_fraction) == (2, 0.3)


@pytest.mark.parametrize(
    ("objectives", "metric", "direction"),
    [
        (["val_macro_f1", "val_accuracy"], "val_macro_f1", "maximize"),
        (["val_loss"], "val_loss", "minimize"),
        ([{"name": "val_loss", "direction": "maximize"}], "val_loss", "maximize"),
        (["parameters", "val_loss"], "val_accuracy", "maximize"),
    ],
)
def test_a_full_training_is_patient_by_what_decides(
    planned: Any, objectives: list[Any], metric: str, direction: Any
) -> None:
    plan = planned(objectives=objectives, final={"patience": 3})
    assert plan.full_training(plan.reference).fidelity.patience == Patience(3, metric, direction)
    assert planned(objectives=objectives).full_training(plan.reference).fidelity.patience is None


def test_bounds_by_the_reference_are_its_numbers(planned: Any) -> None:
    plan = planned(
        space={"family": "mlp", "constraints": {"parameters": {"less_than": "reference"}}},
        objectives=["val_accuracy", {"name": "flops", "less_than": "reference"}],
    )
    cost = reference_cost(plan.task, plan.space.io)
    assert plan.space.constraints["parameters"].less_than == cost.parameters
    assert plan.objectives[1].bound.less_than == cost.flops
    assert plan.cost(plan.reference) == cost


def test_a_restriction_to_nothing_known_is_named(planned: Any) -> None:
    plan = planned()
    config = plan.config.model_copy(update={"space": plan.config.space.model_copy(update={"choices": {"dept": [1]}})})
    with pytest.raises(SpaceError, match="depth"):
        make_space(config, plan.task, plan.space.io)


def test_a_search_is_known_without_its_data(planned: Any) -> None:
    plan = planned()
    known = Known.of(plan.config, SearchSpace.from_json(plan.space.to_json()))
    assert known.space.id == plan.space.id
    assert known.objectives == plan.objectives
    assert known.cost(plan.reference) == plan.cost(plan.reference)
    assert plan.known.config == plan.config


def test_the_problem_holds_what_a_strategy_may_know(planned: Any) -> None:
    problem = planned(generation=2, seed=5).problem({"seen": 3})
    assert (problem.trials, problem.seed, problem.generation, problem.state) == (7, 5, 2, {"seen": 3})
    assert problem.fidelity.epochs == 10


def test_in_generation_changes_the_generation_alone(planned: Any) -> None:
    assert planned().in_generation(3).search_id == planned(generation=3).search_id
    assert planned(generation=3).in_generation(0).search_id == planned().search_id
