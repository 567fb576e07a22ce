"""Completing what MLflow knows of a search: every training once, and the parent run ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from nasflow.engine.records import SearchRecords
from nasflow.tracking import Kind, Tracker
from nasflow.trials import History, Trial, TrialResult

Training = tuple[Kind, Trial, TrialResult]


def trainings(history: History) -> Iterator[Training]:
    """Yield the finished trials of a history, as `conclude` takes them."""
    for entry in history:
        if entry.result is not None:
            yield "trial", entry.trial, entry.result


def complete(records: SearchRecords, tracker: Tracker, found: Iterable[Training]) -> None:
    """Write whatever MLflow lacks of a search's trainings, and end the runs of those that nobody goes on with.

    Args:
        records: The search's part of the store.
        tracker: Where the runs are.
        found: All trainings of the search.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    entries = list(found)
    started_at = records.started_at
    reused = {trial.id for _, trial, result in entries if result.finished_at < started_at}
    tracker.sync(entries, complete=True, reused=reused)


def conclude(records: SearchRecords, tracker: Tracker, history: History, metrics: Mapping[str, float]) -> None:
    """Complete the runs of a search that ends without delivering a model.

    Args:
        records: The search's part of the store.
        tracker: Where the runs are.
        history: Its trials.
        metrics: Of its best trial.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    complete(records, tracker, trainings(history))
    tracker.finish_search(metrics, {})
