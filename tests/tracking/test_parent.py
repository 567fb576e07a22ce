from __future__ import annotations

import pytest

from nasflow.tracking.client import connect
from nasflow.tracking.parent import finish
from nasflow.tracking.runs import Runs


@pytest.fixture
def runs(target, store) -> Runs:
    return Runs(connect(target), store, "cafe", "digits", {})


def test_the_same_again_is_no_request_more(runs: Runs, runs_of, mlflow_client, monkeypatch) -> None:
    finish(runs, {"test_accuracy": 0.5}, {"winner": "a"}, "FINISHED")
    end = runs_of("search")[0].info.end_time

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is new")

    monkeypatch.setattr(runs.client, "log_batch", refuse)
    monkeypatch.setattr(runs.client, "set_terminated", refuse)
    finish(runs, {"test_accuracy": 0.5}, {"winner": "a"}, "FINISHED")
    assert runs_of("search")[0].info.end_time == end


def test_a_changed_metric_is_added_and_a_changed_status_set(runs: Runs, runs_of, mlflow_client) -> None:
    finish(runs, {"test_accuracy": 0.5, "trials": 8}, {}, "FAILED")
    finish(runs, {"test_accuracy": 0.6, "trials": 8}, {"winner": "b"}, "FINISHED")
    (parent,) = runs_of("search")
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics == {"test_accuracy": 0.6, "trials": 8.0}
    assert parent.data.tags["winner"] == "b"
    assert len(mlflow_client.get_metric_history(parent.info.run_id, "trials")) == 1
