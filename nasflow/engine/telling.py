"""Telling of trainings: a line for each that ends, the log of all that happens, and what came of many in a sentence."""

from __future__ import annotations

import logging
import sys
from collections import Counter
from collections.abc import Sequence

from nasflow import logs
from nasflow.objectives import Objective, ranked
from nasflow.training.events import EpochFinished, Event, TrialFinished, TrialStarted
from nasflow.trials import History, Status, TrialResult

_SHOWN_CAUSES = 5

log = logging.getLogger(__name__)


def logged(event: Event) -> None:
    """Write an event into the log, as one of its trial: what came of it, and for debugging also its epochs."""
    match event:
        case TrialStarted():
            with logs.about(trial=event.trial_id):
                log.debug("worker %d begins at epoch %d", event.worker, event.resumed_epoch + 1)
        case EpochFinished():
            with logs.about(trial=event.trial_id):
                log.debug("epoch %d: %s", event.point.epoch, _metrics(event.point.metrics))
        case TrialFinished():
            with logs.about(trial=event.trial.id):
                _log_end(event.result, event.reused)


def _log_end(result: TrialResult, reused: bool) -> None:
    if result.status is Status.COMPLETED:
        log.info("completed%s: %s", ", found in the store" if reused else "", _metrics(result.metrics))
    else:
        level = logging.WARNING if result.status.failed else logging.INFO
        log.log(level, "%s: %s", result.status.replace("_", " "), result.cause or "no cause is known")


def _metrics(metrics: object) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in dict(metrics).items())  # type: ignore[call-overload]


def trials_told(objectives: Sequence[Objective], history: History) -> str:
    """Return what came of trials: how many ended how, the best of them, and why some failed.

    Args:
        objectives: What makes a network good.
        history: The trials; those without a result are counted as left.
    """
    ends = Counter(str(e.result.status).replace("_", " ") if e.result else "left for later" for e in history)
    counted = ", ".join(f"{count} {end}" for end, count in ends.most_common())
    sentences = [f"Trials: {counted}." if counted else "There was no trial left."]
    best = ranked(objectives, history)[:1]
    for entry in best:
        values = entry.result.metrics if entry.result is not None else {}
        shown = ", ".join(f"{o.name} {values[o.name]:.6g}" for o in objectives if o.name in values)
        sentences.append(f"The best, {entry.trial.id[:8]}, has {shown}.")
    causes = Counter(result.cause.rstrip(".") for result in history.failed)
    for cause, count in causes.most_common(_SHOWN_CAUSES):
        sentences.append(f"Failed ({count}): {cause}.")
    return " ".join(sentences)


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
