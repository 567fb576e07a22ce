"""The measures that come with nasflow."""

from __future__ import annotations

import math

import pytest

from nasflow.errors import StrategyError
from nasflow.objectives.builtin import FLOPS, PARAMETERS, TRAIN_SECONDS
from nasflow.spaces import NetworkCost
from nasflow.trials import Status, TrialResult

COST = NetworkCost(parameters=12, flops=34)
RESULT = TrialResult("t", Status.COMPLETED, {"train_seconds": 5.0})


def test_costs_are_the_same_before_and_after_training() -> None:
    assert (PARAMETERS.before_training(COST), PARAMETERS.after_training(COST, RESULT)) == (12.0, 12.0)
    assert (FLOPS.before_training(COST), FLOPS.after_training(COST, RESULT)) == (34.0, 34.0)
    assert all(measure.cheap and measure.direction == "minimize" for measure in (PARAMETERS, FLOPS))


def test_seconds_are_known_after_training_only() -> None:
    assert not TRAIN_SECONDS.cheap
    assert TRAIN_SECONDS.after_training(COST, RESULT) == 5.0
    assert math.isnan(TRAIN_SECONDS.after_training(COST, TrialResult("t", Status.COMPLETED)))
    with pytest.raises(StrategyError, match="train_seconds is not known before training"):
        TRAIN_SECONDS.before_training(COST)
