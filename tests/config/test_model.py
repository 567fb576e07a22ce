"""The model of a search's configuration, used from Python."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nasflow.config import BudgetConfig, SearchConfig


def config(**changes: object) -> SearchConfig:
    return SearchConfig.model_validate({"name": "digits", "data": "sklearn:digits", **changes})


def test_the_smallest_configuration() -> None:
    smallest = config()
    assert smallest.data.source == "sklearn:digits"
    assert smallest.task.name == "image_classification"
    assert smallest.strategy.name == "evolution"
    assert [objective.name for objective in smallest.objectives] == ["val_accuracy"]
    assert (smallest.rounds, smallest.final_epochs, smallest.model_name) == (3, 40, "digits")


def test_derived_numbers() -> None:
    assert config(budget={"trials": 9}, parallelism={"round_size": 4}).rounds == 3
    assert config(final={"epochs": 7}).final_epochs == 7
    assert config(fidelity={"epochs": 3}).final_epochs == 12
    assert config(parallelism={"workers": 3}).workers == 3
    assert config(parallelism={"threads": 64}).workers == 1
    assert config(registry={"name": "best"}).model_name == "best"


@pytest.mark.parametrize(
    ("parallelism", "final", "workers"),
    [
        ({}, {}, 4),
        ({"workers": 3}, {}, 3),
        ({"workers": 3}, {"threads": 2}, 2),
        ({"workers": 1}, {"threads": 2}, 1),
        ({"threads": 2}, {"threads": 1}, 2),
        ({}, {"threads": 64}, 1),
    ],
)
def test_full_trainings_have_cores_of_their_own_and_are_no_more_than_trials(
    monkeypatch: pytest.MonkeyPatch, parallelism: dict[str, int], final: dict[str, int], workers: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)
    assert config(parallelism=parallelism, final=final).final_workers == workers


@pytest.mark.parametrize(("told", "workers"), [("3", 3), ("1", 1), ("0", 4), ("", 4), ("many", 4), ("-2", 4)])
def test_a_pod_is_told_how_many_cores_it_has(monkeypatch: pytest.MonkeyPatch, told: str, workers: int) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(4)), raising=False)
    monkeypatch.setenv("NASFLOW_CORES", told)
    assert config().workers == workers


@pytest.mark.parametrize(("budget", "limit"), [({"trials": 4}, 5), ({"trials": 40}, 20), ({"max_failed_trials": 1}, 1)])
def test_failure_limit(budget: dict[str, int], limit: int) -> None:
    assert BudgetConfig.model_validate(budget).failure_limit == limit


@pytest.mark.parametrize(
    "changes",
    [
        {"objectives": ["val_loss", "val_loss"]},
        {"budget": {"trials": 1}, "final": {"candidates": 2}},
        {"tracking": {"uri": "mlruns"}},
    ],
)
def test_clashing_values_are_refused_in_python_too(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        config(**changes)


def test_json_round_trip_keeps_everything() -> None:
    given = config(
        objectives=["val_accuracy", {"name": "parameters", "less_than": "reference"}],
        space={"choices": {"stage1.width": [16, 24], "activation": ["relu"]}},
        strategy={"name": "evolution", "options": {"population_size": 4}},
    )
    assert SearchConfig.model_validate_json(given.model_dump_json()) == given
    assert SearchConfig.model_validate(given.model_dump(mode="json", exclude_defaults=True)) == given
