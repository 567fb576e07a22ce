"""What MLflow has of a search in the end, with a tracker that only listens."""

from __future__ import annotations

import time
from typing import Any

from nasflow.engine.concluding import complete, conclude, trainings
from nasflow.engine.rounds import propose_round


class Listening:
    """Notes what a tracker is told."""

    def __init__(self) -> None:
        self.synced: list[tuple[list[Any], bool, set[str]]] = []
        self.ended: list[tuple[dict[str, float], dict[str, str]]] = []

    def sync(self, entries: Any, complete: bool, reused: Any) -> None:
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
