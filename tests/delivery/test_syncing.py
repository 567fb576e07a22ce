"""What MLflow lacks of a search is written by hand, once."""

from __future__ import annotations

import os
import shutil
from typing import Any

import pytest

from nasflow.config import TrackingConfig
from nasflow.delivery.syncing import sync
from nasflow.engine.kept import find_search
from nasflow.engine.lease import hold
from nasflow.errors import TrackingError

KINDS = {"search": 1, "trial": 5, "final": 2, "reference": 1}


@pytest.fixture
def emptied(delivered_site: Any, blank_database: Any) -> Any:
    """A site with a search that ran to its end, whose MLflow has lost everything."""
    shutil.copyfile(blank_database, delivered_site.database)
    return delivered_site


def found(site: Any) -> Any:
    return find_search(site.store, "small")


def elsewhere(site: Any) -> TrackingConfig:
    return TrackingConfig(uri=site.uri)


def test_a_search_that_mlflow_never_heard_of_is_written_whole_and_once(emptied: Any) -> None:
    heard: list[tuple[int, int]] = []
    first = sync(found(emptied), elsewhere(emptied), lambda done, total: heard.append((done, total)))
    assert (first.name, first.runs, first.missing, first.holder) == ("small", 8, 8, "")
    assert heard == [(number, 8) for number in range(1, 9)]
    assert dict(emptied.kinds()) == KINDS
    (parent,) = [run for run in emptied.runs() if run.data.tags["nasflow.kind"] == "search"]
    assert parent.info.status == "FINISHED"
    assert parent.data.tags["nasflow.winner"]
    before = {run.info.run_id: run.data.to_dictionary() for run in emptied.runs()}
    again = sync(found(emptied), elsewhere(emptied))
    assert (again.runs, again.missing) == (8, 0)
    assert {run.info.run_id: run.data.to_dictionary() for run in emptied.runs()} == before
    emptied.accounted(5)


def test_a_single_run_that_is_missing_is_the_only_one_written(emptied: Any) -> None:
    from mlflow import MlflowClient

    sync(found(emptied), elsewhere(emptied))
    lost = next(run for run in emptied.runs() if run.data.tags["nasflow.kind"] == "trial")
    MlflowClient(emptied.uri).delete_run(lost.info.run_id)
    assert sync(found(emptied), elsewhere(emptied)).missing == 1
    assert dict(emptied.kinds()) == KINDS


def test_a_delivery_without_its_runs_is_whole_afterwards(emptied: Any) -> None:
    records = found(emptied).records
    records.write("delivered", records.read("delivered") | {"untracked": "MLflow may lack 8 runs.", "run_id": ""})
    sync(found(emptied), elsewhere(emptied))
    document = records.read("delivered")
    assert "untracked" not in document
    assert document["run_id"] in {run.info.run_id for run in emptied.runs()}


def test_a_model_that_is_still_to_be_registered_is_told(emptied: Any) -> None:
    kept = found(emptied)
    assert not sync(kept, elsewhere(emptied)).unregistered
    kept.records.store.delete(f"{kept.records.folder}/delivered.json")
    assert sync(found(emptied), elsewhere(emptied)).unregistered


def test_an_mlflow_that_is_away_is_one_sentence(emptied: Any) -> None:
    with pytest.raises(
        TrackingError, match=r"^8 of 8 runs may still be missing: MLflow at 'http://127.0.0.1:9' cannot"
    ):
        sync(found(emptied), TrackingConfig(uri="http://127.0.0.1:9"))


def test_a_search_that_somebody_runs_is_left_to_go_on(emptied: Any) -> None:
    records = found(emptied).records
    with hold(records.store, f"{records.folder}/lease.json"):
        done = sync(found(emptied), elsewhere(emptied))
    assert done.missing == 8
    assert f"process {os.getpid()}" in done.holder
    (parent,) = [run for run in emptied.runs() if run.data.tags["nasflow.kind"] == "search"]
    assert parent.info.status == "RUNNING"
