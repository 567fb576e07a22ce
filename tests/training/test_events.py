from __future__ import annotations

import json

import pytest

from nasflow.training.events import EpochFinished, TrialStarted, from_message, to_message
from nasflow.trials import EpochPoint

POINT = EpochPoint(3, {"train_loss": 0.1 + 0.2, "learning_rate": 1e-17}, 1700000000.123456, 1700000001.7)


@pytest.mark.parametrize("event", [TrialStarted("t", 1700000000.25, 3, 2), EpochFinished("t", POINT)])
def test_an_event_travels_as_json_to_the_last_bit(event):
    message = json.loads(json.dumps(to_message(event)))
    assert from_message(message) == event
    assert from_message(message | {"device": "cpu-AVX2"}) == event


def test_a_start_and_an_epoch_are_told_apart():
    assert to_message(TrialStarted("t", 0.0, 0))["kind"] == "started"
    assert to_message(EpochFinished("t", POINT))["kind"] == "epoch"


def test_a_trial_starts_anew_unless_said_otherwise():
    assert TrialStarted("t", 0.0, 0).resumed_epoch == 0
