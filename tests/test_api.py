"""`nasflow.search` and `nasflow.load`, as a notebook uses them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nasflow
from nasflow.api import LoadedModel
from nasflow.data.bundle import DataBundle
from nasflow.errors import ConfigError, DataError, HeldError, TrackingError
from nasflow.training.events import EpochFinished, TrialFinished, TrialStarted


def bundle(site: Any) -> DataBundle:
    return DataBundle.open(next(site.store_folder.glob("local/data/*")))


def test_a_search_returns_history_best_and_delivery(in_process: Any) -> None:
    outcome = in_process.outcome
    assert len(outcome.history) == 5
    assert all(entry.result.status == "completed" for entry in outcome.history)
    assert len(outcome.best) == 2
    scores = [entry.result.metrics["val_accuracy"] for entry in outcome.best]
    assert scores == sorted((e.result.metrics["val_accuracy"] for e in outcome.history), reverse=True)[:2]
    assert outcome.delivery.registration.alias == "champion"
    assert outcome.delivery.model.exists()
    assert outcome.delivery.report.read_text().startswith("<!doctype html>")


def test_the_model_answers_as_evaluation_did(in_process: Any) -> None:
    outcome = in_process.outcome
    data = bundle(in_process.site)
    model = outcome.model
    answers = model.predict([np.asarray(image) for image in data.images("test")])
    assert model.classes == data.classes
    right = answers["class"].to_numpy() == np.asarray(data.classes)[np.asarray(data.targets("test"))]
    assert right.mean() == pytest.approx(outcome.delivery.outcome.winner.test_metrics["test_accuracy"])


def test_load_gives_the_champion(in_process: Any) -> None:
    image = np.asarray(bundle(in_process.site).images("test")[0])
    mine = in_process.outcome.model.predict([image])
    for loaded in (
        nasflow.load("small", tracking_uri=in_process.site.uri),
        nasflow.load("small", version=1, tracking_uri=in_process.site.uri),
    ):
        assert isinstance(loaded, LoadedModel)
        assert loaded.predict([image]).equals(mine)


def test_load_goes_by_the_store_of_the_current_folder(in_process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(in_process.site.root)
    assert len(nasflow.load("small").classes) == 10


def test_load_says_what_is_not_there(in_process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrackingError, match=r"mlflow\.db"):
        nasflow.load("small")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(TrackingError, match="nothing-of-this-name"):
        nasflow.load("nothing-of-this-name", tracking_uri=in_process.site.uri)


def test_a_finished_search_is_returned_without_training(in_process: Any) -> None:
    site, first = in_process.site, in_process.outcome
    before, runs = site.results(), len(site.runs())
    events: list[Any] = []
    again = nasflow.search(site.yaml(), on_event=events.append)
    assert events == []
    assert again.search_id == first.search_id
    assert again.history.timeless() == first.history.timeless()
    assert [e.trial.id for e in again.best] == [e.trial.id for e in first.best]
    assert again.delivery.repeated
    assert again.delivery.registration == first.delivery.registration
    assert site.results() == before
    assert len(site.runs()) == runs


@pytest.mark.parametrize("form", ["mapping", "config"])
def test_every_form_of_a_configuration_is_the_same_search(form: str, site: Any, in_process: Any) -> None:
    site.ready()
    found = nasflow.search(getattr(site, form)(), deliver_model=False)
    assert found.search_id == in_process.outcome.search_id
    assert found.history.timeless() == in_process.outcome.history.timeless()
    assert found.delivery is None
    with pytest.raises(LookupError, match="deliver_model=True"):
        _ = found.model


def test_events_tell_of_every_trial_and_epoch(site: Any) -> None:
    site.ready()
    events: list[Any] = []
    found = nasflow.search(site.mapping(budget={"trials": 3}), deliver_model=False, on_event=events.append)
    ids = {entry.trial.id for entry in found.history}
    assert {e.trial_id for e in events if isinstance(e, TrialStarted)} == ids
    assert [e.point.epoch for e in events if isinstance(e, EpochFinished)] == [1, 1, 1]
    finished = [e for e in events if isinstance(e, TrialFinished)]
    assert {e.trial.id for e in finished} == ids
    assert not any(e.reused for e in finished)


def test_anew_is_another_search_with_its_own_history(site: Any) -> None:
    first = site.search(budget={"trials": 3})
    again = nasflow.search(site.yaml(budget={"trials": 3}), deliver_model=False, anew=True)
    assert again.search_id != first.search_id
    assert again.history.timeless() != first.history.timeless()
    going_on = nasflow.search(site.yaml(budget={"trials": 3}), deliver_model=False)
    assert going_on.search_id == again.search_id
    assert going_on.history.timeless() == again.history.timeless()


def test_wrong_configurations_and_data_write_nothing(site: Any) -> None:
    with pytest.raises(ConfigError, match="budget"):
        nasflow.search(site.mapping(budget={"trials": 0}))
    with pytest.raises(DataError):
        nasflow.search(site.mapping(data="no-such-folder"))
    with pytest.raises(ConfigError):
        nasflow.search(site.root / "no-such-file.yaml")
    assert list(site.root.iterdir()) == []


def test_a_search_that_is_held_is_refused(site: Any) -> None:
    from nasflow.engine.lease import Holder, hold

    found = site.search(budget={"trials": 3})
    with (
        hold(site.store, f"searches/{found.search_id}/lease.json", Holder.here("another notebook")),
        pytest.raises(HeldError, match="another notebook"),
    ):
        nasflow.search(site.yaml(budget={"trials": 3}), deliver_model=False)


@pytest.mark.parametrize("single", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.uint8), b"png", "a.png"])
def test_one_image_instead_of_a_list_is_refused(in_process: Any, single: Any) -> None:
    with pytest.raises(ValueError, match="takes a list of images"):
        in_process.outcome.model.predict(single)


def test_what_a_notebook_shows_is_short(in_process: Any) -> None:
    outcome = in_process.outcome
    assert repr(outcome).startswith(f"<SearchOutcome of search {outcome.search_id}: <History: 5 trials, 5 completed")
    assert "models:/" in repr(outcome)
    assert repr(outcome.model) == "<LoadedModel: 10 classes (0, 1, 2, 3, 4, …)>"
