"""The runs of one search: when each began, so that the time between them is not counted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from nasflow.engine.records import SearchRecords
from nasflow.trials import TrialResult

_DOCUMENT = "runs"


def begin_run(records: SearchRecords, began: float, deadline: float | None) -> None:
    """Keep that a run of a search has begun; to be called by whoever holds the search.

    Args:
        records: The search's part of the store.
        began: Unix seconds.
        deadline: Unix seconds at which it is to be done, or None.
    """
    known = records.read(_DOCUMENT) or {"runs": []}
    run = {"began": began, "deadline": deadline}
    records.write(_DOCUMENT, {"schema_version": 1, "runs": [*known["runs"], run]})


def deadline_of_last(records: SearchRecords) -> float | None:
    """Return when the last run is to be done, in Unix seconds; None where it has no such time."""
    runs = (records.read(_DOCUMENT) or {"runs": []})["runs"]
    return runs[-1]["deadline"] if runs else None


def worked_seconds(records: SearchRecords, results: Iterable[TrialResult], now: float) -> float:
    """Return how long a search has been worked on, the time between its runs left out.

    A run that was stopped counts until the last epoch that was over in it.

    Args:
        records: The search's part of the store.
        results: Of its trials and full trainings.
        now: The end of its last run, in Unix seconds.
    """
    known = (records.read(_DOCUMENT) or {"runs": []})["runs"]
    begun = [run["began"] for run in known] or [records.started_at]
    moments = [moment for result in results for moment in _moments(result)]
    ends: list[float] = [
        max([first, *(m for m in moments if first <= m < second)]) for first, second in pairwise(begun)
    ]
    return float(sum(end - begin for begin, end in zip(begun, [*ends, now], strict=True)))


def _moments(result: TrialResult) -> list[float]:
    return [result.finished_at, *(point.finished_at for point in result.curve)]
