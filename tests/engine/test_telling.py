"""A search in a notebook says what it does, a line for every training that ends."""

from __future__ import annotations

import pytest

from nasflow.engine.telling import Teller
from nasflow.spaces import Architecture
from nasflow.training.events import TrialFinished, TrialStarted
from nasflow.trials import Fidelity, Status, Trial, TrialResult


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
