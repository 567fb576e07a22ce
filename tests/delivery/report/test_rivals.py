"""The runner-up is the best other finalist, else the search's second best, and never sees the test samples."""

import math
from dataclasses import replace
from typing import Any

import pytest

from nasflow.delivery.report.rivals import runner_up
from nasflow.objectives import ranked
from nasflow.trials import History, Status


@pytest.fixture(scope="module")
def delivered(in_process: Any) -> Any:
    return in_process.outcome.delivery.outcome


def test_the_other_finalist_is_the_runner_up(plan: Any, in_process: Any, delivered: Any) -> None:
    found = runner_up(plan, in_process.outcome.history, delivered)
    assert found is not None
    assert found.trained
    winner = delivered.winner.trial
    (other,) = [(trial, result) for trial, result in delivered.finalists if trial.id != winner.id]
    assert found.architecture_id == other[0].architecture.id
    first = found.metrics[0]
    assert first.name == "val_accuracy"
    assert first.winner.value == pytest.approx(delivered.winner.result.metrics["val_accuracy"])
    assert first.reference is not None
    assert first.reference.value == pytest.approx(other[1].metrics["val_accuracy"])
    assert first.winner.low < first.winner.value
    assert all(row.name.startswith("val_") for row in found.metrics)
    assert found.costs["parameters"] == (delivered.winner.result.metrics["parameters"], other[1].metrics["parameters"])
    assert found.samples == plan.bundle.counts["val"]
    assert found.choices
    assert found.winner_choices
    p, q = first.winner.value, first.reference.value
    assert found.standard_error == pytest.approx(math.sqrt((p * (1 - p) + q * (1 - q)) / found.samples))


def test_without_another_finalist_it_is_the_second_of_the_search(plan: Any, in_process: Any, delivered: Any) -> None:
    history = in_process.outcome.history
    winner = delivered.winner.trial
    failed = tuple(
        (trial, result if trial.id == winner.id else replace(result, status=Status.CRASHED))
        for trial, result in delivered.finalists
    )
    found = runner_up(plan, history, replace(delivered, finalists=failed))
    assert found is not None
    assert not found.trained
    order = [e for e in ranked(plan.objectives, history) if e.trial.architecture != winner.architecture]
    assert found.architecture_id == order[0].trial.architecture.id
    assert found.metrics[0].reference is not None
    assert found.metrics[0].reference.value == order[0].result.metrics["val_accuracy"]


def test_the_only_network_has_no_runner_up(plan: Any, in_process: Any, delivered: Any) -> None:
    winner = delivered.winner.trial
    alone = History(e for e in in_process.outcome.history if e.trial.architecture == winner.architecture)
    mine = tuple(f for f in delivered.finalists if f[0].id == winner.id)
    assert runner_up(plan, alone, replace(delivered, finalists=mine)) is None
