"""Goals: which trial reaches them, and the round that it ends."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.engine.goals import goal_note, goal_round, reaches
from nasflow.objectives import Objective
from nasflow.spaces import Architecture, Bound
from nasflow.trials import Entry, Fidelity, History, Status, Trial, TrialResult

ACCURACY = Objective("val_accuracy", "maximize", stop_at=0.9)
LOSS = Objective("val_loss", "minimize", stop_at=0.5)


def entry(number: int, status: Status | None = Status.COMPLETED, **metrics: float) -> Entry:
    trial = Trial(Architecture("toy", {}, {"n": number}), Fidelity(1, 1), 0, "context")
    return Entry(trial, None if status is None else TrialResult(trial.id, status, metrics))


def result(status: Status = Status.COMPLETED, **metrics: float) -> Any:
    return entry(0, status, **metrics).result


@pytest.mark.parametrize(
    ("objectives", "metrics", "reached"),
    [
        ([ACCURACY], {"val_accuracy": 0.9}, True),
        ([ACCURACY], {"val_accuracy": 0.8999}, False),
        ([LOSS], {"val_loss": 0.5}, True),
        ([LOSS], {"val_loss": 0.51}, False),
        ([ACCURACY, LOSS], {"val_accuracy": 0.95, "val_loss": 0.4}, True),
        ([ACCURACY, LOSS], {"val_accuracy": 0.95, "val_loss": 0.6}, False),
        ([ACCURACY], {"val_accuracy": float("nan")}, False),
        ([ACCURACY], {}, False),
        ([ACCURACY, Objective("parameters", "minimize", Bound(100))], {"val_accuracy": 1, "parameters": 100}, False),
        ([ACCURACY, Objective("parameters", "minimize", Bound(100))], {"val_accuracy": 1, "parameters": 99}, True),
        ([Objective("val_accuracy", "maximize")], {"val_accuracy": 1}, False),
    ],
)
def test_all_goals_are_reached_by_one_feasible_trial(
    objectives: list[Objective], metrics: dict[str, float], reached: bool
) -> None:
    assert reaches(objectives, result(**metrics)) is reached


@pytest.mark.parametrize("status", [s for s in Status if s is not Status.COMPLETED])
def test_only_a_completed_trial_reaches_a_goal(status: Status) -> None:
    assert not reaches([ACCURACY], result(status, val_accuracy=1.0))


def test_two_trials_that_reach_one_goal_each_reach_nothing() -> None:
    history = History([entry(0, val_accuracy=1, val_loss=1), entry(1, val_accuracy=0, val_loss=0)])
    assert goal_round([ACCURACY, LOSS], history, 2) is None


@pytest.mark.parametrize(("place", "number"), [(0, 0), (2, 0), (3, 1), (5, 1), (6, 2)])
def test_the_round_is_that_of_the_first_trial_that_does(place: int, number: int) -> None:
    entries = [entry(n, val_accuracy=0.95 if n == place else 0.5) for n in range(place + 2)]
    assert goal_round([ACCURACY], History(entries), 3) == number
    assert goal_note([ACCURACY], History(entries), 3) == (
        f"The search reached stop_at (val_accuracy 0.9) in round {number + 1}."
    )


def test_without_a_goal_or_a_result_there_is_nothing_to_say() -> None:
    history = History([entry(0, None), entry(1, val_accuracy=0.5)])
    assert goal_round([ACCURACY], history, 1) is None
    assert goal_note([ACCURACY], history, 1) == ""
    assert goal_note([Objective("val_accuracy", "maximize")], History([entry(0, val_accuracy=1)]), 1) == ""
