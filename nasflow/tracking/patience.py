"""Patience with an MLflow that is away, where somebody has to wait for it: in the end, when the model is registered."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TypeVar

from nasflow.tracking.client import AwayError

PATIENCE = "NASFLOW_MLFLOW_PATIENCE"
"""Environment variable with the seconds for which MLflow is asked again."""

PATIENCE_SECONDS = 60.0

_LONGEST_PAUSE = 5.0

log = logging.getLogger(__name__)

T = TypeVar("T")


def patience() -> float:
    """Return for how many seconds MLflow is asked again; 60, unless the environment says otherwise."""
    try:
        return max(0.0, float(os.environ.get(PATIENCE, "")))
    except ValueError:
        return PATIENCE_SECONDS


def patiently(action: Callable[[], T], seconds: float | None = None) -> T:
    """Do something with MLflow, and again while it is away; every part of it must be safe to repeat.

    Args:
        action: What is done.
        seconds: After so many, no further attempt is made; by default `patience()`.

    Raises:
        TrackingError: MLflow is still away, or says what it would say again.
    """
    from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome is not None else None
        log.warning("waiting for MLflow: %s", error)

    attempts = Retrying(
        retry=retry_if_exception_type(AwayError),
        stop=stop_after_delay(patience() if seconds is None else seconds),
        wait=wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE),
        before_sleep=tell,
        reraise=True,
    )
    return attempts(action)
