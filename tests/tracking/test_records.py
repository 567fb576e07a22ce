from __future__ import annotations

import json
from dataclasses import replace

import pytest

from nasflow.processes import ProcessStamp
from nasflow.spaces import Architecture
from nasflow.tracking import records
from nasflow.tracking.records import Note
from nasflow.trials import Status, TrialResult


def test_a_curve_becomes_rows(scenario) -> None:
    rows = records.point_rows([scenario.make_point(1), scenario.make_point(2)])
    assert rows == [
        ("train_loss", 1.0, 1_700_000_001_500, 1),
        ("val_accuracy", 0.9, 1_700_000_001_500, 1),
        ("train_loss", 0.5, 1_700_000_002_500, 2),
        ("val_accuracy", 0.95, 1_700_000_002_500, 2),
    ]


def test_final_metrics_do_not_repeat_the_last_epoch(scenario) -> None:
    result = scenario.make_result(scenario.make_trial(1))
    rows = records.result_rows(result)
    assert rows == [("parameters", 1234.0, 1_700_000_006_000, 4), ("train_seconds", 4.5, 1_700_000_006_000, 4)]
    best = replace(result, metrics={"val_accuracy": 0.999})  # not the last epoch's: it is said, and is the latest
    assert records.result_rows(best) == [("val_accuracy", 0.999, 1_700_000_006_000, 4)]
    assert records.result_rows(replace(result, curve=(), metrics={"flops": 1.0}))[0][3] == 0


def test_names_and_texts_are_made_legal() -> None:
    params = records.text_params({"a:b<c>": 1, "long": "ä" * 5000, "nothing": None, "x" * 300: True})
    assert params["a_b_c_"] == "1"
    assert params["nothing"] == "null"
    assert params["x" * 250] == "true"
    assert len(params["long"].encode()) <= records.MAX_PARAM
    assert params["long"].endswith(" …")


def test_a_reference_shows_its_form(scenario) -> None:
    trial = replace(scenario.make_trial(1), architecture=Architecture("resnet", {}, {"depth": 8, "widths": [16, 32]}))
    params = records.trial_params(trial)
    assert params["arch.depth"] == "8"
    assert params["arch.widths"] == "[16,32]"


def test_the_architecture_is_a_tag_where_it_fits(scenario) -> None:
    trial = scenario.make_trial(1)
    tags = records.trial_tags("cafe", "parent", trial)
    assert Architecture.from_json(json.loads(tags["nasflow.architecture"])) == trial.architecture
    huge = replace(trial, architecture=Architecture("cnn", {}, {"layers": list(range(5000))}))
    assert "nasflow.architecture" not in records.trial_tags("cafe", "parent", huge)


def test_a_result_has_a_digest_of_its_content(scenario) -> None:
    trial = scenario.make_trial(1)
    result = scenario.make_result(trial)
    again = TrialResult.from_json(json.loads(json.dumps(result.to_json())))
    assert records.result_digest(again) == records.result_digest(result)
    assert records.result_digest(replace(result, checkpoint="gone")) == records.result_digest(result)
    assert records.result_digest(scenario.make_result(trial, start=1.0)) != records.result_digest(result)
    assert records.result_digest(replace(result, metrics={"loss": float("nan")}))


def test_tags_of_a_result(scenario) -> None:
    result = scenario.make_result(scenario.make_trial(1), status=Status.CRASHED, cause="x" * 9000)
    tags = records.result_tags(result, reused=True)
    assert tags["nasflow.status"] == "crashed"
    assert tags["nasflow.reused"] == "true"
    assert len(tags["nasflow.cause"]) <= records.MAX_TAG
    assert "nasflow.reused" not in records.result_tags(result, reused=None)


def test_every_status_has_mlflows_word() -> None:
    words = {status: records.run_status(status) for status in Status}
    assert set(words.values()) == {"FINISHED", "FAILED", "KILLED"}
    assert [s for s, word in words.items() if word == "FINISHED"] == [Status.COMPLETED, Status.REJECTED]


def test_the_curve_of_a_note_is_its_results(scenario) -> None:
    trial = scenario.make_trial(1)
    note = Note(trial, "trial", 0, {2: scenario.make_point(2), 1: scenario.make_point(1)})
    assert [point.epoch for point in note.curve] == [1, 2]
    note.result = scenario.make_result(trial)
    assert note.curve == list(note.result.curve)


def changed(**changes: object) -> str:
    return json.dumps(json.loads(records.creator_tag("store")) | changes)


def test_only_what_a_dead_process_of_this_store_left_is_abandoned() -> None:
    assert not records.abandoned(changed(), "store")
    assert records.abandoned(changed(started="ticks:1"), "store")
    assert not records.abandoned(changed(started="ticks:1"), "another store")
    for damaged in ("", "{}", "[]", changed(pid="x")):
        assert not records.abandoned(damaged, "store")


@pytest.mark.parametrize(("age", "verdict"), [(0.0, False), (records.ABANDONED_SECONDS + 60, True)])
def test_another_machines_runs_are_abandoned_by_age(age: float, verdict: bool) -> None:
    at = json.loads(records.creator_tag("store"))["at"] - age
    assert records.abandoned(changed(machine="0" * 16, at=at), "store") is verdict
    assert ProcessStamp.here().alive


def test_a_run_of_this_process_is_known() -> None:
    assert records.made_here(records.creator_tag("store"), "store")
    assert not records.made_here(records.creator_tag("store"), "other")
    other = json.dumps(json.loads(records.creator_tag("store")) | {"started": "ticks:1"})
    assert not records.made_here(other, "store")
    assert not records.made_here("nonsense", "store")
