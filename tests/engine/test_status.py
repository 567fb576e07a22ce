"""How far a search is, from the store alone."""

from __future__ import annotations

import time
from typing import Any

import pytest

from nasflow.engine.request import delivery_asked
from nasflow.engine.rounds import propose_round
from nasflow.engine.runs import begin_run
from nasflow.engine.status import StatusReader
from nasflow.storage.documents import write_json
from nasflow.trials import EpochPoint, Status


def test_it_grows_with_the_search(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    reader = StatusReader(plan.known, records)
    empty = reader.read()
    assert (len(empty.history), empty.finished, empty.best, empty.finals) == (0, 0, None, ())
    assert empty.seconds_left is None
    first = propose_round(plan, records, 0).trials
    assert (len(reader.read().history), reader.read().finished) == (3, 0)
    results = [finish(records, trial) for trial in first]
    status = reader.read()
    assert status.finished == 3
    assert status.best is not None
    assert status.best.result == max(results, key=lambda r: r.metrics["val_accuracy"])
    propose_round(plan, records, 1)
    assert (len(reader.read().history), reader.read().finished) == (6, 3)
    assert not status.delivered


def test_every_result_is_read_once(planned: Any, kept: Any, finish: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = planned()
    records = kept(plan)
    reader = StatusReader(plan.known, records)
    for trial in propose_round(plan, records, 0).trials[:2]:
        finish(records, trial)
    reader.read()
    asked: list[str] = []
    whole = type(records).result
    monkeypatch.setattr(
        type(records), "result", lambda self, trial, at: (asked.append(trial.id), whole(self, trial, at))[1]
    )
    reader.read()
    reader.read()
    assert len(asked) == 2  # the open one, twice


def test_failures_are_counted_and_never_best(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    for trial, status in zip(trials, (Status.CRASHED, Status.NOT_FINITE, Status.COMPLETED), strict=True):
        finish(records, trial, status)
    status = StatusReader(plan.known, records).read()
    assert len(status.history.failed) == 2
    assert status.best is not None
    assert status.best.trial.id == trials[2].id


def test_what_is_under_way_and_the_finals_are_shown(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    live = {"trial_id": trials[1].id, "epoch": 2, "metrics": {"val_accuracy": 0.5}, "at": 1.0}
    records.write("live/shard-0-0", {"running": [live]})
    finals = [plan.full_training(trials[0].architecture), plan.full_training(plan.reference)]
    document = {"trials": [t.to_json() for t in finals], "kinds": ["final", "reference"]}
    records.write("finals", document | {"asked": "something before"})
    assert StatusReader(plan.known, records).read().finals == ()
    records.write("finals", document | {"asked": delivery_asked(plan.config)})
    done = finish(records, finals[1])
    status = StatusReader(plan.known, records).read()
    assert [(r.trial_id, r.epoch) for r in status.running] == [(trials[1].id, 2)]
    assert [(e.trial.id, e.result) for e in status.finals] == [(finals[0].id, None), (finals[1].id, done)]


def test_time_left_is_in_epochs_like_those_before(planned: Any, kept: Any, finish: Any) -> None:
    sections = {"fidelity": {"epochs": 2}, "final": {"candidates": 1, "epochs": 5}}
    plan = planned(**sections, parallelism={"round_size": 3, "workers": 2})
    records = kept(plan)
    points = tuple(EpochPoint(n, {}, n - 1.0, float(n)) for n in (1, 2))
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial, curve=points, metrics={"train_seconds": 4.0, "val_accuracy": 0.5})
    # 2 s an epoch; 4 trials of 2 epochs and 2 full trainings of 5 are left; two at a time
    assert StatusReader(plan.known, records).read().seconds_left == pytest.approx((8 + 10) * 2 / 2)


def test_full_trainings_that_are_over_take_no_more_time(planned: Any, kept: Any, finish: Any) -> None:
    sections = {"parallelism": {"round_size": 3, "workers": 1}}
    plan = planned(budget={"trials": 3}, final={"candidates": 1, "epochs": 5}, **sections)
    records = kept(plan)
    points = (EpochPoint(1, {}, 0.0, 1.0),)
    trials = propose_round(plan, records, 0).trials
    for trial in trials:
        finish(records, trial, curve=points, metrics={"train_seconds": 1.0, "val_accuracy": 0.5})
    finals = [plan.full_training(trials[0].architecture), plan.full_training(plan.reference)]
    document = {"trials": [t.to_json() for t in finals], "kinds": ["final", "reference"]}
    records.write("finals", document | {"asked": delivery_asked(plan.config)})
    assert StatusReader(plan.known, records).read().seconds_left == pytest.approx(10)
    finish(records, finals[0])
    assert StatusReader(plan.known, records).read().seconds_left == pytest.approx(5)
    finish(records, finals[1])
    assert StatusReader(plan.known, records).read().seconds_left is None


def test_a_space_that_is_used_up_expects_no_more_trials(planned: Any, kept: Any, finish: Any) -> None:
    space = {"family": "mlp", "options": {"max_depth": 1, "widths": [16], "dropouts": [0.0]}}
    plan = planned(space=space, budget={"trials": 40}, parallelism={"round_size": 20}, strategy="grid")
    records = kept(plan)
    reader = StatusReader(plan.known, records)
    assert reader.read().trials == 40
    propose_round(plan, records, 0)
    assert reader.read().trials == 15


@pytest.mark.parametrize(("sections", "delivered"), [({}, True), ({"budget": {"trials": 9}}, False)])
def test_delivered_is_meant_for_what_is_asked_now(
    planned: Any, kept: Any, sections: dict[str, Any], delivered: bool
) -> None:
    records = kept(planned())
    write_json(records.store, f"{records.folder}/delivered.json", {"asked": delivery_asked(planned().config)})
    plan = planned(**sections)
    assert StatusReader(plan.known, records).read().delivered is delivered


def test_a_goal_that_is_reached_ends_it_and_is_told(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned(objectives=[{"name": "val_accuracy", "stop_at": 0.9}])
    records = kept(plan)
    reader = StatusReader(plan.known, records)
    trials = propose_round(plan, records, 0).trials
    for trial in trials[:2]:
        finish(records, trial, metrics={"val_accuracy": 0.95})
    status = reader.read()
    assert status.trials == 3  # the round is finished, and no other follows
    assert status.note == "The search reached stop_at (val_accuracy 0.9) in round 1."
    finish(records, trials[2], metrics={"val_accuracy": 0.1})
    assert (reader.read().finished, reader.read().trials) == (3, 3)


def test_hours_that_ended_the_search_are_told(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned(budget={"trials": 7, "hours": 0.5})
    records = kept(plan)
    trials = propose_round(plan, records, 0).trials
    finish(records, trials[0])
    assert StatusReader(plan.known, records).read().note == ""
    final = plan.full_training(trials[0].architecture)
    records.write("finals", {"asked": delivery_asked(plan.config), "trials": [final.to_json()], "kinds": ["final"]})
    note = StatusReader(plan.known, records).read().note
    assert note == "budget.hours (0.5) ended the search after 1 of 7 trials."


def test_no_more_time_is_left_than_until_the_deadline(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned(budget={"trials": 7, "hours": 1})
    records = kept(plan)
    points = (EpochPoint(1, {}, 0.0, 1000.0),)
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial, curve=points, metrics={"train_seconds": 1000.0, "val_accuracy": 0.5})
    begin_run(records, 0.0, time.time() + 500)
    left = StatusReader(plan.known, records).read().seconds_left
    assert left is not None
    assert 0 < left <= 500


def test_a_delivered_search_has_no_time_left(planned: Any, kept: Any, finish: Any) -> None:
    plan = planned()
    records = kept(plan)
    for trial in propose_round(plan, records, 0).trials:
        finish(records, trial, curve=(EpochPoint(1, {}, 0.0, 1.0),))
    assert StatusReader(plan.known, records).read().seconds_left is not None
    records.write("delivered", {"asked": delivery_asked(plan.config)})
    assert StatusReader(plan.known, records).read().seconds_left is None
