from __future__ import annotations

from dataclasses import replace

import pytest

from nasflow.spaces import Architecture
from nasflow.tracking import writing
from nasflow.tracking.client import connect
from nasflow.tracking.records import Note
from nasflow.tracking.runs import Runs
from nasflow.tracking.writing import end_others, write
from nasflow.trials import EpochPoint


@pytest.fixture
def runs(target, store) -> Runs:
    return Runs(connect(target), store, "cafe", "digits", {})


def requests(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the writing requests made from now on."""
    made: list[str] = []
    for name in ("create_run", "log_batch", "set_terminated", "update_run", "delete_run", "get_metric_history"):
        real = getattr(runs.client, name)

        def call(*args, _real=real, _name=name, **kwargs):
            made.append(_name)
            return _real(*args, **kwargs)

        monkeypatch.setattr(runs.client, name, call)
    return made


def test_a_finished_trial_takes_three_requests_and_none_when_done(runs, scenario, monkeypatch) -> None:
    trial = scenario.make_trial(1)
    note = Note(trial, "trial", 1000, result=scenario.make_result(trial))
    made = requests(runs, monkeypatch)
    write(runs, note)
    assert made == ["create_run", "log_batch", "set_terminated"]
    write(runs, note)
    assert len(made) == 3


def test_an_epoch_takes_one_request_with_its_points_alone(runs, scenario, monkeypatch, mlflow_client) -> None:
    note = Note(scenario.make_trial(1), "trial", 1000)
    write(runs, note)
    made = requests(runs, monkeypatch)
    note.points[1] = scenario.make_point(1)
    write(runs, note)
    write(runs, note)
    assert made == ["log_batch"]


def test_points_of_other_times_make_the_run_anew(runs, scenario, monkeypatch, check_complete) -> None:
    trial = scenario.make_trial(1)
    note = Note(trial, "trial", 1000, {1: scenario.make_point(1, start=5.0)})
    write(runs, note)
    made = requests(runs, monkeypatch)
    write(runs, replace(note, result=scenario.make_result(trial)))
    assert made == ["delete_run", "create_run", "log_batch", "set_terminated"]
    check_complete([trial])


def test_long_curves_and_many_choices_are_sent_in_parts(runs, scenario, monkeypatch, mlflow_client, runs_of) -> None:
    choices = {f"cell{n}.operation": n for n in range(230)}
    trial = replace(scenario.make_trial(1), architecture=Architecture("cnn", choices, {"n": 1}))
    curve = tuple(EpochPoint(e, {"a": 1.0 / e, "b": 2.0}, e, e + 0.5) for e in range(1, 801))
    made = requests(runs, monkeypatch)
    write(runs, Note(trial, "trial", 1000, result=scenario.make_result(trial, curve=curve)))
    assert made == ["create_run", "log_batch", "log_batch", "log_batch", "set_terminated"]
    (run,) = runs_of("trial")
    assert len(mlflow_client.get_metric_history(run.info.run_id, "a")) == 800
    assert len(run.data.params) == 236


def test_nan_is_written_once(runs, scenario, mlflow_client, runs_of) -> None:
    trial = scenario.make_trial(1)
    curve = (EpochPoint(1, {"loss": float("nan")}, 1.0, 2.0),)
    for _ in range(2):
        write(runs, Note(trial, "trial", 1000, result=scenario.make_result(trial, curve=curve, metrics={})))
    (run,) = runs_of("trial")
    assert len(mlflow_client.get_metric_history(run.info.run_id, "loss")) == 1


def test_interrupted_between_the_points_and_the_end_it_is_ended(runs, scenario, monkeypatch, check_complete) -> None:
    trial = scenario.make_trial(1)
    note = Note(trial, "trial", 1000, result=scenario.make_result(trial))

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runs.client, "set_terminated", die)
        with pytest.raises(KeyboardInterrupt):
            write(runs, note)
    write(Runs(runs.connection, runs._claims.documents, "cafe", "digits", {}), note)
    check_complete([trial])


def test_only_open_children_of_others_are_ended(runs, scenario, runs_of) -> None:
    kept, dropped, done = (scenario.make_trial(n) for n in range(3))
    for trial in (kept, dropped):
        write(runs, Note(trial, "trial", 1000))
    write(runs, Note(done, "trial", 1000, result=scenario.make_result(done)))
    end_others(runs, {kept.id}, 5.0)
    status = {run.data.tags["nasflow.trial_id"]: run.info.status for run in runs_of("trial")}
    assert status == {kept.id: "RUNNING", dropped.id: "KILLED", done.id: "FINISHED"}
    assert writing._METRICS_AT_ONCE + writing._PARAMS_AT_ONCE + 100 <= 1000
