"""A search in a notebook says what it does, a line for every training that ends."""

from __future__ import annotations

import logging

import pytest

from nasflow import logs
from nasflow.engine.telling import Teller, logged, trials_told
from nasflow.objectives import Objective
from nasflow.spaces import Architecture
from nasflow.training.events import EpochFinished, TrialFinished, TrialStarted
from nasflow.trials import Entry, EpochPoint, Fidelity, History, Status, Trial, TrialResult


def trial(origin: str = "random") -> Trial:
    return Trial(Architecture("toy", {}, {"n": 1}), Fidelity(1, 1), 0, "context", origin=origin)


def test_a_line_for_every_end_and_none_for_a_start(capsys: pytest.CaptureFixture[str]) -> None:
    tell, one = Teller("val_accuracy"), trial()
    tell(TrialStarted(one.id, 0.0, 0))
    assert capsys.readouterr().err == ""
    result = TrialResult(one.id, Status.COMPLETED, {"val_accuracy": 0.9, "train_seconds": 1.25})
    tell(TrialFinished(one, result, reused=False))
    tell(TrialFinished(one, result, reused=True))
    network = one.architecture.id[:8]
    assert capsys.readouterr().err.splitlines() == [
        f"1. trial {network} completed: val_accuracy 0.9000 (1.2 s)",
        f"2. trial {network} completed: val_accuracy 0.9000 (reused)",
    ]


def test_a_failure_says_its_cause_and_a_full_training_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    one = trial("final")
    result = TrialResult(one.id, Status.CRASHED, {"val_accuracy": 0.9}, cause="TypeError: no")
    Teller("val_accuracy")(TrialFinished(one, result, reused=False))
    assert f"1. full training {one.architecture.id[:8]} crashed: TypeError: no" in capsys.readouterr().err


def test_every_event_is_logged_as_one_of_its_trial(caplog: pytest.LogCaptureFixture) -> None:
    one, seen = trial(), []
    caplog.handler.addFilter(lambda record: seen.append(logs.fields()) or True)
    good = TrialResult(one.id, Status.COMPLETED, {"val_accuracy": 0.9})
    bad = TrialResult(one.id, Status.OUT_OF_MEMORY, cause="too large")
    with caplog.at_level(logging.DEBUG, "nasflow"):
        logged(TrialStarted(one.id, 0.0, 1, resumed_epoch=2))
        logged(EpochFinished(one.id, EpochPoint(3, {"val_loss": float("nan")}, 0.0, 1.0)))
        logged(TrialFinished(one, good, reused=True))
        logged(TrialFinished(one, bad, reused=False))
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", "worker 1 begins at epoch 3"),
        ("DEBUG", "epoch 3: val_loss nan"),
        ("INFO", "completed, found in the store: val_accuracy 0.9"),
        ("WARNING", "out of memory: too large"),
    ]
    assert seen == [{"trial": one.id}] * 4


def test_trials_in_a_sentence() -> None:
    objectives = [Objective("val_accuracy", "maximize")]
    trials = [Trial(Architecture("toy", {}, {"n": n}), Fidelity(1, 1), 0, "context") for n in range(5)]
    results = [
        TrialResult(trials[0].id, Status.COMPLETED, {"val_accuracy": 0.5}),
        TrialResult(trials[1].id, Status.COMPLETED, {"val_accuracy": 0.75}),
        TrialResult(trials[2].id, Status.CRASHED, cause="TypeError: no."),
        TrialResult(trials[3].id, Status.CRASHED, cause="TypeError: no."),
        None,
    ]
    history = History(Entry(each, result) for each, result in zip(trials, results, strict=True))
    assert trials_told(objectives, history) == (
        f"Trials: 2 completed, 2 crashed, 1 left for later. The best, {trials[1].id[:8]}, has val_accuracy 0.75. "
        "Failed (2): TypeError: no."
    )
    assert trials_told(objectives, History()) == "There was no trial left."
