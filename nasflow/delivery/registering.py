"""Registration of a winner: logged, versioned, compared with the present champion, given its alias; once an outcome."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nasflow.delivery.deciding import DONE_TAG, settle
from nasflow.delivery.outcome import Registration
from nasflow.delivery.packaging import ModelFiles, log_model, logged_before
from nasflow.delivery.submission import Submission
from nasflow.storage import Store
from nasflow.tracking import TrackingTarget
from nasflow.tracking.client import explained, open_client

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

OUTCOME_TAG = "nasflow.outcome"
"""Tag of a version: the id of the outcome it was registered for."""

_MODEL_TAG = "nasflow.model_id"
_LINK_TAG = "mlflow.modelVersions"


def register(
    target: TrackingTarget,
    submission: Submission,
    report: Callable[[Registration], str] | None = None,
    store: Store | None = None,
) -> Registration:
    """Register a winner and attach its report; for an outcome that is registered already, only the report is renewed.

    It becomes champion where there is none, or where it is better than the present one on the same test samples by the
    margin and by the paired test; otherwise challenger. Another margin decides anew. Stopped at any moment and called
    again, it goes on.

    Args:
        target: The MLflow.
        submission: What is to be registered.
        report: Makes the report's HTML, which is attached to the search's run, the winner's run and the model.
        store: Where searches that register versions of the same model take turns.

    Raises:
        HeldError: Another search is deciding about the same model.
        TrackingError: MLflow cannot be used.
    """
    client = open_client(target)
    with explained(target):
        version = _known(client, submission) or _made(client, target, submission)
        _link(client, version)
        decision = settle(client, target, submission, version, store)
        number = str(version.version)
        client.update_model_version(submission.name, number, _description(submission, decision))
        if report is not None:
            _attach(client, submission, version, report(decision))
        client.set_model_version_tag(submission.name, number, DONE_TAG, "true")
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
    result = outcome.winner.result
    architecture = outcome.winner.trial.architecture
    tags = {
        OUTCOME_TAG: outcome.id,
        "nasflow.search_id": outcome.search_id,
        "nasflow.trial_id": outcome.winner.trial.id,
        "nasflow.architecture_id": architecture.id,
        "nasflow.family": architecture.family,
        "nasflow.data": bundle.fingerprint,
        **submission.tags,
        **{f"nasflow.{name}": f"{value:.6g}" for name, value in outcome.winner.test_metrics.items()},
        **{f"nasflow.{name}": f"{result.metrics[name]:.6g}" for name in result.measured},
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
    return client.create_model_version(submission.name, source, run_id=submission.run_id, tags=tags, model_id=model_id)


def _link(client: MlflowClient, version: ModelVersion) -> None:
    """Leave on the logged model what `mlflow.register_model` does: its page in the UI then names the version."""
    logged = client.get_logged_model(version.tags[_MODEL_TAG])
    try:
        links = json.loads(logged.tags.get(_LINK_TAG, "[]"))
    except (ValueError, RecursionError):
        links = []
    links = links if isinstance(links, list) else []
    link = {"name": version.name, "version": int(version.version)}
    if link not in links:
        client.set_logged_model_tags(logged.model_id, {_LINK_TAG: json.dumps([*links, link])})


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
        f"{outcome.search_id}: {metrics}. {outcome.verdict}\n\n"
        f"The report is the artifact `report.html` of run {submission.run_id} and of this model."
    )
