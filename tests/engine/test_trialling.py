"""One task's trainings: who is told, what stands, what is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nasflow.engine.rounds import propose_round
from nasflow.engine.status import StatusReader
from nasflow.engine.trialling import open_tracker, train_trials
from nasflow.errors import PluginError
from nasflow.objectives import feasible
from nasflow.spaces import Architecture
from nasflow.storage.documents import read_json
from nasflow.testing.plugins import installed
from nasflow.testing.rigged import RIGGED, rigged
from nasflow.training.events import TrialFinished
from nasflow.training.pool import release
from nasflow.trials import Candidate, Status


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


def latencies(records: Any) -> dict[str, float]:
    history = records.history()
    return {e.trial.id: e.result.metrics["latency"] for e in history if e.result and "latency" in e.result.metrics}


def test_latency_is_known_to_all_who_read_the_search(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL, objectives=["val_accuracy", "latency"], final={"epochs": 1})
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    heard: list[Any] = []
    results = train_trials(plan, records, trials, ["trial"] * 3, tracker, task="t", listener=heard.append)
    found = latencies(records)
    assert [found[trial.id] for trial in trials] == [result.metrics["latency"] for result in results]
    ended = [event.result for event in heard if isinstance(event, TrialFinished)]
    assert {result.trial_id: result.metrics["latency"] for result in ended} == found
    assert all(value > 0 for value in found.values())
    shared = read_json(records.store, f"results/{trials[0].id}.json")
    assert shared is not None
    assert "latency" not in shared["metrics"]  # others may serve elsewhere
    status = StatusReader(plan.known, records).read()
    assert {e.trial.id: e.result.metrics["latency"] for e in status.history if e.result} == found
    full = [plan.full_training(trials[0].architecture), plan.full_training(plan.reference)]
    winner, reference = train_trials(plan, records, full, ["final", "reference"], tracker, task="final")
    assert winner.metrics["latency"] == found[trials[0].id]
    assert reference.metrics["latency"] > 0
    assert feasible(plan.objectives, winner)


def test_the_same_numbers_come_again_and_another_search_reuses_them(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL, objectives=["val_accuracy", "latency"])
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    first = train_trials(plan, records, trials, ["trial"] * 3, tracker, task="t")
    assert train_trials(plan, records, trials, ["trial"] * 3, tracker, task="t") == first
    bounded = planned(**SMALL, objectives=["val_accuracy", {"name": "latency", "less_than": 1e-6}])
    other = kept(bounded)
    assert propose_round(bounded, other, 0).trials == trials
    again = train_trials(bounded, other, trials, ["trial"] * 3, tracker, task="t")
    assert [result.status for result in again] == [Status.REJECTED] * 3
    assert [r.metrics["latency"] for r in again] == [r.metrics["latency"] for r in first]
    assert again[0].cause.endswith(" ms, not below 1e-06 as the objectives ask.")
    assert again[0].metrics["flops"] > 0
    assert [entry.result for entry in other.history()] == again
    assert [r.status for r in train_trials(plan, records, trials, ["trial"] * 3, tracker, task="t")] == [
        Status.COMPLETED
    ] * 3


def test_one_that_cannot_be_measured_has_failed_and_the_others_train(
    planned: Any, kept: Any, tracker: Any, tmp_path: Path
) -> None:
    """It is built as a trial later, which would fail as well; but its weights never come to that."""
    with installed(tmp_path, RIGGED):
        plan = planned(**{**SMALL, "space": "rigged"}, objectives=["val_accuracy", "latency"])
        records = kept(plan)
        trials = [plan.trial(Candidate(rigged(b), plan.fidelity)) for b in ("good", "unbuilt")]
        good, bad = train_trials(plan, records, trials, ["trial"] * 2, tracker, task="t")
        release()
    assert good.status is Status.COMPLETED
    assert (bad.status, "latency" in bad.metrics) == (Status.CRASHED, False)
    assert bad.cause.startswith("ValueError: rigged: cannot be built")
    assert ("finished", bad.trial_id, "trial", False) in tracker.told
    assert ("started", bad.trial_id, "trial", False) not in tracker.told


def test_cheap_bounds_come_first_and_spare_the_measuring(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL, objectives=["val_accuracy", "latency", {"name": "flops", "less_than": 9}])
    records = kept(plan)
    (trial, *_) = propose_round(planned(**SMALL), kept(planned(**SMALL)), 0).trials
    (rejected,) = train_trials(plan, records, [trial], ["trial"], tracker, task="t")
    assert rejected.status is Status.REJECTED
    assert list(records.store.keys("measurements/")) == []


def test_nothing_to_train_starts_no_worker(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL)
    assert train_trials(plan, kept(plan), [], [], tracker, task="t") == []
    assert tracker.told == []


def test_a_tracker_that_is_told_nothing_touches_no_mlflow(planned: Any, kept: Any) -> None:
    plan = planned(tracking={"uri": "http://127.0.0.1:9"})
    with open_tracker(plan, kept(plan)) as tracker:
        assert tracker.target.uri == "http://127.0.0.1:9"


@pytest.mark.parametrize("objectives", [["val_accuracy"], ["val_accuracy", {"name": "flops", "less_than": 1e9}]])
def test_a_network_whose_cost_cannot_be_told_has_failed_and_the_others_train(
    planned: Any, kept: Any, tracker: Any, fragile: Any, objectives: list[Any]
) -> None:
    plan = planned(**{**SMALL, "space": fragile}, objectives=objectives)
    records = kept(plan)
    trials = [plan.trial(Candidate(plan.space.at(number), plan.fidelity)) for number in (0, 1)]
    bad, good = train_trials(plan, records, trials, ["trial"] * 2, tracker, task="t")
    assert good.status is Status.COMPLETED
    assert (bad.status, bad.metrics) == (Status.CRASHED, {})
    assert re.fullmatch(
        r"the network fails for images of 8×8 pixels and 1 channel with a=1, b=4, c=5, d=1: ValueError: too small "
        r"\(fragile_nets\.py, line 11\)\.",
        bad.cause,
    )
    assert ("finished", bad.trial_id, "trial", False) in tracker.told
    assert train_trials(plan, records, trials, ["trial"] * 2, tracker, task="t") == [bad, good]


def test_a_full_training_of_it_has_failed_too(planned: Any, kept: Any, tracker: Any, fragile: Any) -> None:
    plan = planned(**{**SMALL, "space": fragile})
    (bad,) = train_trials(plan, kept(plan), [plan.full_training(plan.space.at(0))], ["final"], tracker, task="t")
    assert bad.status is Status.CRASHED
    assert "ValueError: too small" in bad.cause


def test_a_family_that_is_missing_is_no_failure_of_a_trial(planned: Any, kept: Any, tracker: Any) -> None:
    plan = planned(**SMALL)
    absent = plan.trial(Candidate(Architecture("absent", {}, {}), plan.fidelity))
    with pytest.raises(PluginError, match="'absent' is none of the known families"):
        train_trials(plan, kept(plan), [absent], ["trial"], tracker, task="t")


def test_what_is_trained_in_full_is_measured_where_the_search_had_no_time_to(
    planned: Any, kept: Any, tracker: Any
) -> None:
    plan = planned(**SMALL, objectives=["val_accuracy", "latency"], final={"epochs": 1})
    records = kept(plan)
    final = plan.full_training(propose_round(plan, records, 0).trials[0].architecture)
    (result,) = train_trials(plan, records, [final], ["final"], tracker, task="final")
    assert result.metrics["latency"] > 0
    assert feasible(plan.objectives, result)
