"""The runs of a search, and the time between them."""

from __future__ import annotations

from typing import Any

from nasflow.engine.runs import begin_run, deadline_of_last, worked_seconds
from nasflow.trials import EpochPoint, Status, TrialResult


def result(*ends: float, finished_at: float) -> TrialResult:
    curve = tuple(EpochPoint(n, {}, end - 1, end) for n, end in enumerate(ends, 1))
    return TrialResult("a", Status.COMPLETED, curve=curve, finished_at=finished_at)


def test_the_time_between_runs_is_left_out(planned: Any, kept: Any) -> None:
    records = kept(planned())
    for began, deadline in ((1000.0, None), (5000.0, 5180.0), (9000.0, None)):
        begin_run(records, began, deadline)
    results = [
        result(1010.0, 1050.0, finished_at=5040.0),  # stopped after its second epoch, and finished by the next run
        result(finished_at=700.0),  # another search's
    ]
    assert worked_seconds(records, results, 9100.0) == 50 + 40 + 100


def test_one_run_counts_whole(planned: Any, kept: Any) -> None:
    records = kept(planned())
    begin_run(records, 1000.0, None)
    assert worked_seconds(records, [], 1030.0) == 30


def test_where_no_run_was_noted_the_first_start_has_to_do(planned: Any, kept: Any) -> None:
    records = kept(planned())
    assert worked_seconds(records, [], records.started_at + 12) == 12


def test_the_deadline_is_that_of_the_last_run(planned: Any, kept: Any) -> None:
    records = kept(planned())
    assert deadline_of_last(records) is None
    begin_run(records, 1.0, 181.0)
    assert deadline_of_last(records) == 181.0
    begin_run(records, 200.0, None)
    assert deadline_of_last(records) is None
