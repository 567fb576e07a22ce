"""How long a search still takes, by its own trials."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.engine.live import Running
from nasflow.engine.remaining import Progress
from nasflow.engine.rounds import propose_round
from nasflow.trials import Entry, EpochPoint

POINTS = (EpochPoint(1, {}, 0.0, 2.0), EpochPoint(2, {}, 2.0, 4.0))


@pytest.fixture
def half(planned: Any, kept: Any, finish: Any) -> Any:
    """A search of which three of seven trials are over, two seconds an epoch."""
    plan = planned(
        fidelity={"epochs": 2},
        final={"candidates": 1, "epochs": 5},
        parallelism={"round_size": 3, "workers": 2},
    )
    records = kept(plan)
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial, curve=POINTS, metrics={"train_seconds": 4.0, "val_accuracy": 0.5})
    propose_round(plan, records, 1)
    return plan, records.history()


def test_trials_full_training_and_the_reference_are_to_come(half: Any) -> None:
    plan, history = half
    assert Progress(plan.known, history, (), (), 7).seconds_left == pytest.approx(4 * 2 * 2 / 2 + 5 * 2)


def test_epochs_that_are_over_are_over(half: Any) -> None:
    plan, history = half
    running = [Running(entry.trial.id, 1, {}, 0.0) for entry in history if entry.result is None][:2]
    whole = Progress(plan.known, history, (), (), 7).seconds_left
    assert whole is not None
    assert Progress(plan.known, history, (), running, 7).seconds_left == pytest.approx(whole - 2)


def test_once_full_training_is_laid_down_only_that_is_left(half: Any) -> None:
    plan, history = half
    finals = [Entry(plan.full_training(history[0].trial.architecture), None)]
    finals.append(Entry(plan.full_training(plan.reference), None))
    assert Progress(plan.known, history, finals, (), 7).seconds_left == pytest.approx(10)
    running = [Running(entry.trial.id, 2, {}, 0.0) for entry in finals]
    assert Progress(plan.known, history, finals, running, 7).seconds_left == pytest.approx(6)
    done = [Entry(entry.trial, history[0].result) for entry in finals]
    assert Progress(plan.known, history, done, (), 7).seconds_left is None


def test_of_nothing_nothing_is_known(planned: Any, kept: Any) -> None:
    plan = planned()
    assert Progress(plan.known, kept(plan).history(), (), (), 7).seconds_left is None


@pytest.mark.parametrize(("counts", "times"), [(None, 4.0), ({"train": 800, "val": 300}, 900 / 300)])
def test_full_training_sees_more_samples_than_a_trial(
    planned: Any, kept: Any, finish: Any, counts: dict[str, int] | None, times: float
) -> None:
    plan = planned(
        fidelity={"epochs": 2, "data_fraction": 0.25},
        budget={"trials": 3},
        final={"candidates": 1, "epochs": 5},
        parallelism={"round_size": 3, "workers": 1},
    )
    records = kept(plan)
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial, curve=POINTS, metrics={"train_seconds": 4.0, "val_accuracy": 0.5})
    left = Progress(plan.known, records.history(), (), (), 3, counts).seconds_left
    assert left == pytest.approx(2 * 5 * 2 * times)
