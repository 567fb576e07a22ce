"""Documents that travel between steps come back equal, and damage is named."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nasflow.delivery.outcome import Outcome, Registration, Trained, read_outcome
from nasflow.delivery.statistics import Comparison
from nasflow.errors import IntegrityError
from nasflow.spaces import Architecture
from nasflow.trials import EpochPoint, Fidelity, Status, Trial, TrialResult


def trained(width: int, accuracy: float = 0.9) -> Trained:
    trial = Trial(Architecture("cnn", {"width": width}, {"width": width}), Fidelity(8, 8), 3, "context")
    curve = (EpochPoint(1, {"val_accuracy": accuracy}, 1.0, 2.0),)
    result = TrialResult(trial.id, Status.COMPLETED, {"val_accuracy": accuracy, "parameters": 99.0}, curve)
    return Trained(trial, result, {"test_accuracy": accuracy})


def outcome() -> Outcome:
    winner, reference, other = trained(16), trained(32, 0.8), trained(8, 0.7)
    return Outcome(
        "abc",
        winner,
        reference,
        ((winner.trial, winner.result), (other.trial, other.result)),
        Comparison(0.1, 0.02, 0.01, "exact McNemar", 100, 12, 2),
        "searches/abc/predictions.npz",
    )


def through_json(document: dict) -> dict:
    return json.loads(json.dumps(document, allow_nan=False))


def test_an_outcome_survives_json_and_file(tmp_path: Path) -> None:
    made = outcome()
    assert Outcome.from_json(through_json(made.to_json())) == made
    (tmp_path / "outcome.json").write_text(json.dumps(made.to_json()))
    assert read_outcome(tmp_path / "outcome.json") == made
    assert read_outcome(str(tmp_path / "outcome.json")).id == made.id


def test_its_id_depends_on_the_search_and_the_trainings_alone() -> None:
    made = outcome()
    later = replace(made.winner, result=replace(made.winner.result, finished_at=9.0))
    assert replace(made, winner=later).id == made.id
    assert replace(made, finalists=made.finalists[::-1]).id == made.id
    others = [replace(made, search_id="abd"), replace(made, winner=trained(8)), replace(made, finalists=())]
    assert len({made.id, *(other.id for other in others)}) == 4


@pytest.mark.parametrize("part", ["search_id", "winner", "reference", "finalists", "comparison", "predictions"])
def test_a_missing_part_is_named(part: str) -> None:
    document = outcome().to_json()
    del document[part]
    with pytest.raises(IntegrityError, match=part):
        Outcome.from_json(document)


def test_an_altered_trial_is_refused() -> None:
    document = through_json(outcome().to_json())
    document["winner"]["trial"]["seed"] = 4
    with pytest.raises(IntegrityError, match="altered"):
        Outcome.from_json(document)


def test_another_version_is_refused() -> None:
    with pytest.raises(IntegrityError, match="schema version 2"):
        Outcome.from_json(outcome().to_json() | {"schema_version": 2})
    registration = Registration("digits", 1, "champion", "run", "It is the first.")
    with pytest.raises(IntegrityError, match="schema version 2"):
        Registration.from_json(registration.to_json() | {"schema_version": 2})


def test_half_a_training_is_refused() -> None:
    with pytest.raises(IntegrityError, match="result"):
        Trained.from_json({"trial": trained(8).trial.to_json()})


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_damaged_file_is_an_integrity_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "outcome.json").write_text(content)
    with pytest.raises(IntegrityError):
        read_outcome(tmp_path / "outcome.json")


def test_a_registration_survives_json_and_has_a_uri() -> None:
    for comparison in (None, Comparison(0.1, 0.02, 0.01, "exact McNemar", 100, 12, 2)):
        made = Registration("digits", 3, "challenger", "run", "Because.", 2, comparison)
        assert Registration.from_json(through_json(made.to_json())) == made
    assert made.uri == "models:/digits@challenger"
    document = made.to_json()
    del document["why"]
    with pytest.raises(IntegrityError, match="why"):
        Registration.from_json(document)
