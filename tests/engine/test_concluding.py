"""What MLflow has of a search in the end, with a tracker that only listens."""

from __future__ import annotations

import time
from typing import Any

import pytest

from nasflow.engine.concluding import NOTE, complete, conclude, failure_told, full_trainings, missed, trainings
from nasflow.engine.door import admit
from nasflow.engine.rounds import propose_round
from nasflow.errors import HeldError, SearchError


class Listening:
    """Notes what a tracker is told."""

    def __init__(self) -> None:
        self.synced: list[tuple[list[Any], bool, set[str]]] = []
        self.ended: list[tuple[dict[str, float], dict[str, str]]] = []

    def sync(self, entries: Any, complete: bool, reused: Any, on_run: Any) -> None:
        self.synced.append((list(entries), complete, set(reused)))

    def finish_search(self, metrics: Any, tags: Any) -> None:
        self.ended.append((dict(metrics), dict(tags)))


def test_only_finished_trials_are_trainings(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    results = {t.id: finish(records, t) for t in trials[:2]}
    assert list(trainings(records.history())) == [("trial", t, results[t.id]) for t in trials[:2]]


def test_results_from_before_the_search_are_marked_reused(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    old, new, _ = propose_round(plan, records, 0).trials
    finish(records, old, finished_at=records.started_at - 5)
    finish(records, new, finished_at=time.time() + 1)
    tracker: Any = Listening()
    complete(records, tracker, trainings(records.history()))
    ((entries, whole, reused),) = tracker.synced
    assert [trial.id for _, trial, _ in entries] == [old.id, new.id]
    assert whole
    assert reused == {old.id}
    assert tracker.ended == []


def test_a_search_without_delivery_ends_with_its_best_metrics(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial)
    tracker: Any = Listening()
    conclude(records, tracker, records.history(), {"val_accuracy": 0.75})
    assert len(tracker.synced[0][0]) == 3
    assert tracker.ended == [({"val_accuracy": 0.75}, {})]


def test_a_search_that_stops_is_failed_in_mlflow_until_it_goes_on(site: Any) -> None:
    found = site.search(budget={"trials": 3})
    plan = admit(site.config(budget={"trials": 3}), site.root).plan
    records = site.records()
    assert plan.search_id == found.search_id
    with pytest.raises(SearchError, match="too much went wrong"), failure_told(plan, records):
        raise SearchError("too much went wrong.")
    (parent,) = [run for run in site.runs() if run.data.tags["nasflow.kind"] == "search"]
    assert parent.info.status == "FAILED"
    assert parent.data.tags[NOTE] == "too much went wrong."
    site.search(budget={"trials": 4})
    (parent,) = [run for run in site.runs() if run.data.tags["nasflow.kind"] == "search"]
    assert parent.info.status == "FINISHED"
    assert site.kinds()["trial"] == 4


def test_other_errors_are_not_told_and_an_mlflow_that_is_away_hides_none(planned: Any, kept: Any) -> None:
    plan = planned(tracking={"uri": "http://127.0.0.1:9"})
    records = kept(plan)
    with pytest.raises(HeldError), failure_told(plan, records):
        raise HeldError("held.")
    with pytest.raises(SearchError, match=r"^stopped\.$"), failure_told(plan, records):
        raise SearchError("stopped.")


def test_what_is_missed_has_a_result_and_nobody_sees_to_it(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    old, known, mine = propose_round(plan, records, 0).trials
    assert list(missed(records, [], [])) == []
    first = finish(records, old, finished_at=records.started_at - 5)
    for trial in (known, mine):
        finish(records, trial, finished_at=time.time() + 1)
    assert list(missed(records, {mine.id}, {known.id})) == [("trial", old, first, True)]
    assert [reused for *_, reused in missed(records, [], [])] == [True, False, False]


def test_full_trainings_are_those_with_a_result(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    assert list(full_trainings(records)) == []
    first, second, _ = propose_round(plan, records, 0).trials
    told = {"trials": [first.to_json(), second.to_json()], "kinds": ["final", "reference"]}
    records.write("finals", {"schema_version": 1, **told})
    result = finish(records, second)
    assert list(full_trainings(records)) == [("reference", second, result)]
