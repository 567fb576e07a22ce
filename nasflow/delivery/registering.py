"""Registration of a winner: logged, versioned, compared with the present champion, given its alias; once an outcome."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasflow.data.bundle import DataBundle
from nasflow.delivery.champion import (
    CHALLENGER,
    CHAMPION,
    IncomparableError,
    champion_probabilities,
    champion_version,
)
from nasflow.delivery.fetching import Version
from nasflow.delivery.outcome import Outcome, Registration
from nasflow.delivery.packaging import ModelFiles, log_model, logged_before
from nasflow.delivery.statistics import Comparison, compare_accuracy
from nasflow.tracking import TrackingTarget
from nasflow.tracking.client import explained, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

OUTCOME_TAG = "nasflow.outcome"
"""Tag of a version: the id of the outcome it was registered for."""

_DECISION_TAG, _DONE_TAG, _MODEL_TAG = "nasflow.registration", "nasflow.delivered", "nasflow.model_id"

Compare = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]], Comparison]
"""From the probabilities of two networks for the same samples, and the targets, to their comparison."""


@dataclass(frozen=True)
class Submission:
    """What is to be registered.

    Attributes:
        name: Name of the registered model.
        outcome: What the search found.
        onnx: The winner's ONNX file.
        bundle: The data; its test samples decide about the alias.
        probabilities: The winner's probabilities for the test samples, float32 (N, classes).
        run_id: MLflow run of the winner's full training; the version belongs to it.
        parent_run_id: MLflow run of the search.
        margin: How much better than the present champion the winner must be.
        compare: How two networks are compared on the task's first metric.
    """

    name: str
    outcome: Outcome
    onnx: Path
    bundle: DataBundle
    probabilities: NDArray[np.float32]
    run_id: str
    parent_run_id: str
    margin: float = 0.0
    compare: Compare = compare_accuracy


def register(
    target: TrackingTarget, submission: Submission, report: Callable[[Registration], str] | None = None
) -> Registration:
    """Register a winner and attach its report; an outcome that is registered already is left as it is.

    It becomes champion where there is none, or where it is better than the present one on the same test samples by the
    margin and by the paired test; otherwise challenger. Stopped at any moment and called again, it goes on.

    Args:
        target: The MLflow.
        submission: What is to be registered.
        report: Makes the report's HTML, which is attached to the search's run, the winner's run and the model.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    client = open_client(target)
    with explained(target):
        version = _known(client, submission) or _made(client, target, submission)
        decision = _decision(version)
        if decision is not None and version.tags.get(_DONE_TAG):
            return decision
        number = int(version.version)
        current = champion_version(client, submission.name)
        if decision is None or not _stands(decision, current):
            decision = _decide(client, target, submission, number, current)
            client.set_model_version_tag(submission.name, str(number), _DECISION_TAG, json.dumps(decision.to_json()))
        client.set_registered_model_alias(submission.name, decision.alias, str(number))
        client.update_model_version(submission.name, str(number), _description(submission, decision))
        if report is not None:
            _attach(client, submission, version, report(decision))
        client.set_model_version_tag(submission.name, str(number), _DONE_TAG, "true")
        return decision


def _known(client: MlflowClient, submission: Submission) -> ModelVersion | None:
    name = submission.name.replace("'", "''")
    for version in client.search_model_versions(f"name = '{name}'"):
        if version.tags.get(OUTCOME_TAG) == submission.outcome.id:
            return version
    return None


def _made(client: MlflowClient, target: TrackingTarget, submission: Submission) -> ModelVersion:
    from mlflow.exceptions import MlflowException

    outcome, bundle = submission.outcome, submission.bundle
    architecture = outcome.winner.trial.architecture
    tags = {
        OUTCOME_TAG: outcome.id,
        "nasflow.search_id": outcome.search_id,
        "nasflow.trial_id": outcome.winner.trial.id,
        "nasflow.architecture_id": architecture.id,
        "nasflow.family": architecture.family,
        "nasflow.data": bundle.fingerprint,
        **{f"nasflow.{name}": f"{value:.6g}" for name, value in outcome.winner.test_metrics.items()},
    }
    files = ModelFiles(submission.onnx, bundle.classes, bundle.images("test")[0])
    model_id = logged_before(client, submission.run_id, OUTCOME_TAG, outcome.id) or log_model(
        client, submission.run_id, submission.name, files, tags
    )
    try:
        client.create_registered_model(submission.name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
    # A server knows its logged models by id; without one, MLflow would look the id up at the tracking URI that happens
    # to be set in this process.
    served = target.uri.startswith(("http://", "https://"))
    source = f"models:/{model_id}" if served else client.get_logged_model(model_id).artifact_location
    tags[_MODEL_TAG] = model_id
    version = client.create_model_version(
        submission.name, source, run_id=submission.run_id, tags=tags, model_id=model_id
    )
    # What `mlflow.register_model` leaves on the logged model: its page in the UI then names the version.
    link = json.dumps([{"name": submission.name, "version": int(version.version)}])
    client.set_logged_model_tags(model_id, {"mlflow.modelVersions": link})
    return version


def _decision(version: ModelVersion) -> Registration | None:
    document = version.tags.get(_DECISION_TAG)
    return Registration.from_json(json.loads(document)) if document else None


def _stands(decision: Registration, current: int | None) -> bool:
    """Whether a decision may still be carried out: nobody else has become champion since it was made."""
    return decision.alias == CHALLENGER or current in (decision.compared_with, decision.version)


def _decide(
    client: MlflowClient, target: TrackingTarget, submission: Submission, version: int, current: int | None
) -> Registration:
    name = submission.name
    made = Registration(name, version, CHAMPION, submission.run_id, "")
    if current is None:
        return replace(made, why=f"It is the first champion of '{name}'.")
    if current == version:
        return replace(made, why=f"It was made the champion of '{name}' in MLflow.")
    made = replace(made, compared_with=current)
    images, targets = submission.bundle.images("test"), submission.bundle.targets("test")
    try:
        theirs = champion_probabilities(client, target, Version(name, current), images, submission.bundle.classes)
    except IncomparableError as error:
        why = f"Version {current} stays champion, for the two cannot be compared: {error}."
        return replace(made, alias=CHALLENGER, why=why)
    found = submission.compare(submission.probabilities, theirs, targets)
    said = found.sentence(f"version {version}", f"version {current}")
    if found.better(submission.margin):
        return replace(made, comparison=found, why=f"It replaces version {current} as champion. {said}")
    if found.better():
        said += f" The gain of {found.difference:.4f} is below registry.margin, {submission.margin:g}."
    return replace(made, alias=CHALLENGER, comparison=found, why=f"Version {current} stays champion. {said}")


def _attach(client: MlflowClient, submission: Submission, version: ModelVersion, page: str) -> None:
    for run_id in dict.fromkeys((submission.parent_run_id, submission.run_id)):
        client.log_text(run_id, page, "report.html")
    with tempfile.TemporaryDirectory(prefix="nasflow-report-") as folder:
        (Path(folder) / "report.html").write_text(page, encoding="utf-8")
        client.log_model_artifacts(version.tags[_MODEL_TAG], folder)


def _description(submission: Submission, decision: Registration) -> str:
    outcome = submission.outcome
    architecture = outcome.winner.trial.architecture
    metrics = ", ".join(f"{name} {value:.4f}" for name, value in outcome.winner.test_metrics.items())
    return (
        f"{decision.why}\n\nArchitecture {architecture.id} of family {architecture.family}, found by search "
        f"{outcome.search_id}: {metrics}.\n\nThe report is the artifact `report.html` of run {submission.run_id} "
        f"and of this model."
    )
