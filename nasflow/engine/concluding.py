"""Completing what MLflow knows of a search: every training once, and the parent run ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from nasflow.engine.plan import Plan
from nasflow.engine.records import SearchRecords
from nasflow.engine.trialling import open_tracker
from nasflow.errors import SearchError, TrackingError
from nasflow.tracking import Kind, Tracker
from nasflow.trials import History, Trial, TrialResult

NOTE = "mlflow.note.content"
"""Tag of a run that MLflow shows as its description."""

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


@contextmanager
def failure_told(plan: Plan, records: SearchRecords) -> Iterator[None]:
    """Let MLflow know where a search is stopped by what happens inside: its run ends as failed, with the reason.

    When the search goes on, so does the run. Where MLflow is away, it is not told.

    Args:
        plan: The search.
        records: Its part of the store.
    """
    try:
        yield
    except SearchError as error:
        with suppress(TrackingError), open_tracker(plan, records) as tracker:
            complete(records, tracker, trainings(records.history()))
            tracker.finish_search({}, {NOTE: str(error)}, "FAILED")
        raise


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
