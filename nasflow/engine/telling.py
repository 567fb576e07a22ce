"""Telling of a search in this process, a line for every training that ends."""

from __future__ import annotations

import sys

from nasflow.training.events import Event, TrialFinished


class Teller:
    """Writes to standard error; a listener of training events.

    Args:
        metric: The deciding objective, told of those that complete.
    """

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._told = 0

    def __call__(self, event: Event) -> None:
        """Take in an event."""
        if not isinstance(event, TrialFinished):
            return
        self._told += 1
        result = event.result
        value = result.metrics.get(self._metric)
        reached = f"{self._metric} {value:.4f}" if value is not None and not result.status.failed else result.cause
        seconds = "reused" if event.reused else f"{result.metrics.get('train_seconds', 0.0):.1f} s"
        kind = "full training" if event.trial.origin == "final" else "trial"
        sys.stderr.write(
            f"{self._told}. {kind} {event.trial.architecture.id[:8]} {result.status}: {reached} ({seconds})\n"
        )
