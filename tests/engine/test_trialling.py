"""One task's trainings: who is told, what stands, what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.engine.rounds import propose_round
from nasflow.engine.trialling import open_tracker, train_trials
from nasflow.training.events import TrialFinished
from nasflow.trials import Status


class Silent:
    """A tracker that notes what it is told and writes nowhere."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, bool]] = []
        self.epochs: list[tuple[str, str, int]] = []

    def started(self, trial: Any, kind: str) -> None:
        self.told.append(("started", trial.id, kind, False))

    def epoch(self, trial: Any, kind: str, point: Any) -> None:
        self.epochs.append((trial.id, kind, point.epoch))

    def finished(self, trial: Any, kind: str, result: Any, reused: bool) -> None:
        self.told.append(("finished", trial.id, kind, reused))


@pytest.fixture
def tracker() -> Any:
    return Silent()


SMALL: dict[str, Any] = {
    "device_kind": "",
    "space": {"family": "mlp", "options": {"max_depth": 1}},
    "fidelity": {"epochs": 2, "data_fraction": 0.3},
}


def test_results_come_in_the_order_asked_and_the_tracker_hears_all(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL)
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    results = train_trials(plan, records, trials, ["trial"] * 3, tracker, task="t")
    assert [result.trial_id for result in results] == [trial.id for trial in trials]
    assert {(t, e) for t, _, e in tracker.epochs} == {(trial.id, e) for trial in trials for e in (1, 2)}
    assert sorted(tracker.told) == sorted(
        (word, trial.id, "trial", False) for trial in trials for word in ("started", "finished")
    )
    assert list(records.store.keys("checkpoints/")) == []
    assert records.read("live/t") == {"running": []}


def test_full_trainings_keep_their_weights_and_trials_do_not(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL, final={"epochs": 1}, budget={"trials": 7, "trial_seconds": 0.001})
    records = kept(plan)
    final = plan.full_training(propose_round(plan, records, 0).trials[0].architecture)
    (result,) = train_trials(plan, records, [final], ["final"], tracker, task="t")
    assert result.status is Status.COMPLETED  # budget.trial_seconds is for trials
    assert list(records.store.keys("checkpoints/")) == [f"checkpoints/{final.id}.safetensors"]
    assert {kind for _, _, kind, _ in tracker.told} == {"final"}


def test_what_was_there_before_the_search_is_told_as_reused(planned: Any, kept: Any, finish: Any, tracker: Any) -> None:
    plan = planned(**SMALL)
    records = kept(plan)
    old, failed, mine = propose_round(plan, records, 0).trials
    before = records.started_at - 60
    finish(records, old, finished_at=before)
    finish(records, failed, Status.NOT_FINITE, finished_at=before, cause="the loss became NaN.")
    finish(records, mine)
    heard: list[Any] = []
    results = train_trials(plan, records, [old, failed, mine], ["trial"] * 3, tracker, task="t", listener=heard.append)
    assert [r.status for r in results] == [Status.COMPLETED, Status.NOT_FINITE, Status.COMPLETED]
    assert {trial_id: reused for _, trial_id, _, reused in tracker.told} == {
        old.id: True,
        failed.id: True,
        mine.id: False,
    }
    assert all(isinstance(event, TrialFinished) and event.reused for event in heard)


def test_a_failure_of_this_search_stands_and_one_of_bad_luck_before_does_not(
    planned: Any, kept: Any, finish: Any, tracker: Any
) -> None:
    plan = planned(**SMALL)
    records = kept(plan)
    mine, before, _ = propose_round(plan, records, 0).trials
    finish(records, mine, Status.CRASHED, cause="it crashed.")
    finish(records, before, Status.CRASHED, cause="it crashed.", finished_at=records.started_at - 60)
    results = train_trials(plan, records, [mine, before], ["trial"] * 2, tracker, task="t")
    assert [result.status for result in results] == [Status.CRASHED, Status.COMPLETED]


def test_rejections_stand_for_their_own_search_alone(planned: Any, kept: Any, tracker: Any) -> None:
    plain, bounded = planned(**SMALL), planned(**SMALL, objectives=["val_accuracy", {"name": "flops", "less_than": 9}])
    records, other = kept(plain), kept(bounded)
    (trial, *_) = propose_round(plain, records, 0).trials
    (rejected,) = train_trials(bounded, other, [trial], ["trial"], tracker, task="t")
    assert rejected.status is Status.REJECTED
    assert "flops" in rejected.cause
    assert rejected.metrics["flops"] > 9
    assert list(other.store.keys("results/")) == []
    assert train_trials(bounded, other, [trial], ["trial"], tracker, task="t") == [rejected]
    (trained,) = train_trials(plain, records, [trial], ["trial"], tracker, task="t")
    assert trained.status is Status.COMPLETED
    assert other.result(trial, other.started_at) == rejected


def test_nothing_to_train_starts_no_worker(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL)
    assert train_trials(plan, kept(plan), [], [], tracker, task="t") == []
    assert tracker.told == []


def test_a_tracker_that_is_told_nothing_touches_no_mlflow(planned: Any, kept: Any) -> None:
    plan = planned(tracking={"uri": "http://127.0.0.1:9"})
    with open_tracker(plan, kept(plan)) as tracker:
        assert tracker.target.uri == "http://127.0.0.1:9"
