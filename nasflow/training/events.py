"""What happens to trials while they train, as their worker tells it and the caller of `run_trials` hears it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nasflow.trials import EpochPoint, Trial, TrialResult


@dataclass(frozen=True)
class TrialStarted:
    """A worker began a trial. It may come again for one trial, where a worker was lost and the trial goes on elsewhere.

    Attributes:
        trial_id: The trial.
        at: Unix seconds.
        worker: Number of the worker, from 0.
        resumed_epoch: Epochs found done in its checkpoint; 0 where it starts anew.
    """

    trial_id: str
    at: float
    worker: int
    resumed_epoch: int = 0


@dataclass(frozen=True)
class EpochFinished:
    """An epoch is over and its checkpoint is in the store.

    Attributes:
        trial_id: The trial.
        point: The epoch's place in the learning curve.
    """

    trial_id: str
    point: EpochPoint


@dataclass(frozen=True)
class TrialFinished:
    """A trial has a result, and the result is in the store.

    Attributes:
        trial: The trial.
        result: What came of it.
        reused: Whether the result was there before and nothing was trained.
    """

    trial: Trial
    result: TrialResult
    reused: bool


Event = TrialStarted | EpochFinished | TrialFinished


def to_message(event: TrialStarted | EpochFinished) -> dict[str, Any]:
    """Return an event of a running trial as JSON-compatible data."""
    return {"kind": "started" if isinstance(event, TrialStarted) else "epoch", **asdict(event)}


def from_message(message: Mapping[str, Any]) -> TrialStarted | EpochFinished:
    """Read back what `to_message` gave; the message may hold more."""
    if message["kind"] == "started":
        return TrialStarted(message["trial_id"], message["at"], message["worker"], message["resumed_epoch"])
    return EpochFinished(message["trial_id"], EpochPoint(**message["point"]))
