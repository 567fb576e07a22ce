"""Completing what MLflow knows of a search: every training once, and the parent run ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
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


def full_trainings(records: SearchRecords) -> Iterator[Training]:
    """Yield the finished full trainings of a search, as `conclude` takes them."""
    document = records.read("finals")
    if document is None:
        return
    started_at = records.started_at
    for described, kind in zip(document["trials"], document["kinds"], strict=True):
        trial = Trial.from_json(described)
        result = records.result(trial, started_at)
        if result is not None:
            yield kind, trial, result


def missed(
    records: SearchRecords, present: Collection[str], known: Collection[str]
) -> Iterator[tuple[Kind, Trial, TrialResult, bool]]:
    """Yield the trials of a search that have a result but no run: MLflow was away from who trained them.

    Args:
        records: The search's part of the store.
        present: Ids of the trials that this process sees to itself.
        known: Ids of the trials that MLflow has.

    Returns:
        Kind, trial, result, and whether the result is from another search.
    """
    started_at = records.started_at
    for batch in records.batches():
        for trial in batch.trials:
            if trial.id in present or trial.id in known:
                continue
            result = records.result(trial, started_at)
            if result is not None:
                yield "trial", trial, result, result.finished_at < started_at


def complete(
    records: SearchRecords,
    tracker: Tracker,
    found: Iterable[Training],
    on_run: Callable[[bool], None] = lambda missing: None,
    *,
    over: bool = True,
) -> None:
    """Write whatever MLflow lacks of a search's trainings, and end the runs of those that nobody goes on with.

    Args:
        records: The search's part of the store.
        tracker: Where the runs are.
        found: All trainings of the search.
        on_run: Told of every run that is there now, and whether something of it was missing.
        over: Whether nobody trains for the search now.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    entries = list(found)
    started_at = records.started_at
    reused = {trial.id for _, trial, result in entries if result.finished_at < started_at}
    tracker.sync(entries, complete=over, reused=reused, on_run=on_run)


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
