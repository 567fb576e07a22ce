"""Trials, results and histories: identity, files, damage."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from nasflow.errors import IntegrityError
from nasflow.ids import canonical_json
from nasflow.spaces import Architecture
from nasflow.trials import Entry, EpochPoint, Fidelity, History, Patience, Status, Trial, TrialResult

NETWORK = Architecture("toy", {"depth": 1}, {"layers": ["pool"]})
TRIAL = Trial(NETWORK, Fidelity(10, 20, 0.5), 7, "context", "earlier", ("parent",), "mutation")
PATIENCE = Patience(3, "val_accuracy", "maximize")
POINT = EpochPoint(1, {"train_loss": 0.5, "val_accuracy": 0.75}, 100.0, 101.5)
RESULT = TrialResult(
    TRIAL.id,
    Status.COMPLETED,
    {"val_accuracy": 0.75, "train_seconds": 1.5},
    (POINT,),
    started_at=99.0,
    finished_at=102.0,
    device="cpu-AVX2",
    checkpoint="checkpoints/x.safetensors",
)


@pytest.mark.parametrize(
    "changes",
    [
        {"architecture": Architecture("toy", {}, {"layers": []})},
        {"fidelity": Fidelity(11, 20, 0.5)},
        {"fidelity": Fidelity(10, 21, 0.5)},
        {"fidelity": Fidelity(10, 20, 0.6)},
        {"fidelity": Fidelity(10, 20, 0.5, PATIENCE)},
        {"seed": 8},
        {"context": "other"},
        {"start": None},
    ],
)
def test_all_that_a_result_depends_on_is_in_the_id(changes: dict[str, Any]) -> None:
    assert replace(TRIAL, **changes).id != TRIAL.id


@pytest.mark.parametrize("changes", [{"epochs": 4}, {"metric": "val_macro_f1"}, {"direction": "minimize"}])
def test_all_of_the_patience_is_in_the_id(changes: dict[str, Any]) -> None:
    one, other = (Fidelity(10, 20, 0.5, patience) for patience in (PATIENCE, replace(PATIENCE, **changes)))
    assert replace(TRIAL, fidelity=one).id != replace(TRIAL, fidelity=other).id


def test_lineage_is_no_part_of_the_id() -> None:
    other = Architecture("toy", {"depth": 2, "other": "choices"}, NETWORK.form)
    assert replace(TRIAL, parents=(), origin="random", architecture=other).id == TRIAL.id


def test_a_trials_id_stands_for_ever() -> None:
    assert TRIAL.id == "813b5a590b7eed5a"


@pytest.mark.parametrize("patience", [None, PATIENCE])
def test_trials_survive_json(patience: Patience | None) -> None:
    trial = replace(TRIAL, fidelity=Fidelity(10, 20, 0.5, patience))
    assert Trial.from_json(json.loads(json.dumps(trial.to_json()))) == trial


def test_patience_is_written_only_where_there_is_one() -> None:
    assert "patience" not in TRIAL.to_json()["fidelity"]
    written = Fidelity(1, 1, patience=PATIENCE).to_json()["patience"]
    assert written == {"epochs": 3, "metric": "val_accuracy", "direction": "maximize"}


@pytest.mark.parametrize(
    ("direction", "value", "better"),
    [("maximize", 0.6, True), ("maximize", 0.5, False), ("minimize", 0.4, True), ("minimize", 0.5, False)],
)
def test_only_what_is_better_improves(direction: Any, value: float, better: bool) -> None:
    assert Patience(1, "val_loss", direction).improves(value, 0.5) is better


@pytest.mark.parametrize(
    ("patience", "epoch", "best", "over"),
    [(None, 9, 1, False), (None, 10, 10, True), (3, 5, 3, False), (3, 6, 3, True), (3, 10, 9, True), (1, 1, 1, False)],
)
def test_when_training_is_over(patience: int | None, epoch: int, best: int, over: bool) -> None:
    asked = None if patience is None else replace(PATIENCE, epochs=patience)
    assert Fidelity(10, 10, patience=asked).stops_at(epoch, best) is over


@pytest.mark.parametrize("part", [key for key in TRIAL.to_json() if key != "schema_version"])
def test_a_trial_without_a_part_is_damaged(part: str) -> None:
    document = TRIAL.to_json()
    del document[part]
    with pytest.raises(IntegrityError, match=part):
        Trial.from_json(document)


@pytest.mark.parametrize(
    ("part", "value"),
    [("seed", 8), ("fidelity", {"epochs": 1, "horizon": 20, "data_fraction": 0.5}), ("context", "x"), ("start", None)],
)
def test_an_altered_trial_is_found(part: str, value: object) -> None:
    with pytest.raises(IntegrityError, match=r"was altered"):
        Trial.from_json(TRIAL.to_json() | {part: value})


@pytest.mark.parametrize("part", [{"warmth": 3}, {"patience": 3}, {"patience": {"epochs": 3}}])
def test_a_fidelity_of_another_form_is_damage(part: dict[str, Any]) -> None:
    document = TRIAL.to_json()
    document["fidelity"] |= part
    with pytest.raises(IntegrityError, match="damaged"):
        Trial.from_json(document)


def test_results_survive_json() -> None:
    text = canonical_json(RESULT.to_json())
    assert TrialResult.from_json(json.loads(text)) == RESULT


def test_what_is_no_number_survives_json_too() -> None:
    metrics = {"val_loss": math.nan, "train_loss": math.inf, "other": -math.inf, "val_accuracy": 0.1}
    result = replace(RESULT, status=Status.NOT_FINITE, metrics=metrics, curve=(replace(POINT, metrics=metrics),))
    again = TrialResult.from_json(json.loads(canonical_json(result.to_json())))
    assert math.isnan(again.metrics["val_loss"])
    assert math.isnan(again.curve[0].metrics["val_loss"])
    assert [again.metrics[name] for name in ("train_loss", "other", "val_accuracy")] == [math.inf, -math.inf, 0.1]
    assert again.timeless() == result.timeless()


@pytest.mark.parametrize("part", list(RESULT.to_json()))
def test_a_result_without_what_it_needs_is_damaged(part: str) -> None:
    document = RESULT.to_json()
    del document[part]
    if part in ("schema_version", "trial_id", "status", "metrics", "curve"):
        with pytest.raises(IntegrityError, match=part):
            TrialResult.from_json(document)
    else:
        assert TrialResult.from_json(document).trial_id == TRIAL.id


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "splendid"},
        {"metrics": [1, 2]},
        {"metrics": {"val_accuracy": "much"}},
        {"curve": [{"epoch": 1}]},
        {"curve": 3},
        {"surprise": 1},
        {"schema_version": 99},
    ],
)
def test_a_damaged_result_is_found(damage: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError):
        TrialResult.from_json(RESULT.to_json() | damage)


@pytest.mark.parametrize("document", [[], 3, "text", None])
def test_what_is_no_document_is_damaged(document: Any) -> None:
    with pytest.raises(IntegrityError):
        TrialResult.from_json(document)
    with pytest.raises(IntegrityError):
        Trial.from_json(document)


def test_timeless_leaves_out_times_costs_and_keys_alone() -> None:
    later = replace(
        RESULT,
        started_at=1e9,
        finished_at=2e9,
        checkpoint=None,
        metrics={**RESULT.metrics, "train_seconds": 99.0},
        curve=(replace(POINT, started_at=5.0, finished_at=6.0),),
    )
    assert later.timeless() == RESULT.timeless()
    for change in (
        {"metrics": {"val_accuracy": 0.76}},
        {"curve": ()},
        {"status": Status.CRASHED},
        {"device": "cuda-NVIDIA H100"},
        {"cause": "x"},
    ):
        assert replace(RESULT, **change).timeless() != RESULT.timeless()  # type: ignore[arg-type]


def test_which_statuses_are_failures() -> None:
    assert {status for status in Status if not status.failed} == {Status.COMPLETED, Status.REJECTED}


def history() -> History:
    others = [replace(TRIAL, seed=seed, origin="Zeilen\u2028trenner \x85 und\nUmbruch") for seed in range(3)]
    crash = TrialResult(others[1].id, Status.CRASHED, cause="RuntimeError: line\u2028separator \x85 in a message\nhere")
    return History(
        [Entry(TRIAL, RESULT), Entry(others[0], None), Entry(others[1], crash), Entry(others[2], replace(RESULT))]
    )


def test_histories_survive_their_file() -> None:
    known = history()
    text = known.to_jsonl()
    assert text.count("\n") == len(known) == 4
    again = History.from_jsonl(text)
    assert again.entries == known.entries
    assert again.to_jsonl() == text


def test_an_empty_history() -> None:
    assert History().to_jsonl() == ""
    assert len(History.from_jsonl("")) == 0
    assert History().architectures == frozenset()


def test_what_a_history_knows() -> None:
    known = history()
    assert list(known) == list(known.entries)
    assert known.architectures == {NETWORK.id}
    assert [result.status for result in known.failed] == [Status.CRASHED]
    assert [line["result"] is None for line in known.timeless()] == [False, True, False, False]


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "3", '{"trial": {}}', '{"trial": {}, "result": null}', '{"result": null}']
)
def test_a_damaged_line_is_named_or_its_content_is(line: str) -> None:
    lines = history().to_jsonl().split("\n")
    lines[2] = line
    with pytest.raises(IntegrityError, match=r"line 3 of a history is damaged|lacks"):
        History.from_jsonl("\n".join(lines))


def test_a_truncated_file_is_found() -> None:
    text = history().to_jsonl()
    with pytest.raises(IntegrityError, match="line 4 of a history is damaged"):
        History.from_jsonl(text[:-20])


def test_a_history_is_indexed_and_says_what_it_holds() -> None:
    architecture = Architecture("toy", {}, {"n": 1})
    trials = [Trial(architecture, Fidelity(epochs, epochs), 0, "context") for epochs in (1, 2, 3)]
    results = [TrialResult(trials[0].id, Status.COMPLETED), TrialResult(trials[1].id, Status.CRASHED), None]
    history = History(Entry(trial, result) for trial, result in zip(trials, results, strict=True))
    assert history[1].trial == trials[1]
    assert history[-1].result is None
    assert repr(history) == "<History: 3 trials, 1 completed, 1 failed>"


def test_what_was_measured_is_a_metric_that_need_not_repeat() -> None:
    measured = RESULT.with_measured({"latency": 1.5})
    assert measured.metrics == {**RESULT.metrics, "latency": 1.5}
    assert measured.timeless() == RESULT.with_measured({"latency": 1.7}).timeless()
    assert measured.timeless() != RESULT.with_measured({"memory": 1.5}).timeless()
    assert "latency" not in measured.timeless()["metrics"]
    assert RESULT.with_measured({}) is RESULT


def test_what_was_measured_survives_json_and_a_second_look() -> None:
    measured = RESULT.with_measured({"memory": 2.0}).with_measured({"latency": 1.5})
    assert measured.measured == ("latency", "memory")
    assert TrialResult.from_json(json.loads(canonical_json(measured.to_json()))) == measured
    assert measured.with_measured({"latency": 1.5}) == measured
    assert "measured" not in RESULT.to_json()  # results from before read the same
