"""Which alias a version gets: decided against the present champion, for one version of a model at a time."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from nasflow.delivery.champion import (
    CHALLENGER,
    CHAMPION,
    IncomparableError,
    champion_probabilities,
    champion_version,
)
from nasflow.delivery.fetching import Version
from nasflow.delivery.outcome import Registration
from nasflow.delivery.submission import Submission
from nasflow.engine.lease import hold
from nasflow.errors import HeldError, IntegrityError, TrackingError
from nasflow.ids import digest
from nasflow.storage import Store
from nasflow.tracking import TrackingTarget

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

DECISION_TAG = "nasflow.registration"
"""Tag of a version: what was decided about it, as JSON."""

DONE_TAG = "nasflow.delivered"
"""Tag of a version whose decision was carried out."""

PATIENCE_SECONDS = 60.0
"""How long a search waits for others that decide about the same model."""

_ATTEMPTS = 10

log = logging.getLogger(__name__)


def settle(
    client: MlflowClient, target: TrackingTarget, submission: Submission, version: ModelVersion, store: Store | None
) -> Registration:
    """Decide which alias a version gets, and give it.

    What was decided and carried out stands, whoever is champion by now, unless another margin or level is asked for. A
    decision is written down before it is carried out, so that who was stopped goes on with it, as long as nobody else
    has become champion since.

    Args:
        client: Of the MLflow.
        target: Where that is.
        submission: What is registered.
        version: Its version.
        store: Where searches that register versions of the same model take turns; without it the champion is looked at
            again right before and after an alias is given.

    Raises:
        HeldError: Another search that shares the store has been deciding for a minute.
        TrackingError: Others, that do not share the store, change the champion again and again.
    """
    name, number = submission.name, int(version.version)
    decision = _kept(version)
    if decision is not None and version.tags.get(DONE_TAG) and _asked_alike(decision, submission):
        return decision
    with turn(store, target, name):
        for _ in range(_ATTEMPTS):
            current = champion_version(client, name)
            if decision is None or not (_asked_alike(decision, submission) and _stands(decision, current)):
                decision = _decide(client, target, submission, number, current=current, before=decision)
                _keep(client, decision)
            if champion_version(client, name) == current:
                _carry_out(client, decision, current)
                if decision.alias == CHALLENGER or champion_version(client, name) == number:
                    return decision
    raise TrackingError(
        f"the champion of '{name}' changes again and again: several searches register versions of it at the same "
        f"moment; run the same command again when they have ended."
    )


@contextmanager
def turn(store: Store | None, target: TrackingTarget, name: str) -> Iterator[None]:
    """Let one at a time decide about a model.

    Args:
        store: Where those who decide about it take turns; without one, nobody waits.
        target: The MLflow.
        name: Name of the registered model.

    Raises:
        HeldError: Another has been deciding for a minute.
    """
    from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

    with ExitStack() as stack:
        if store is not None:
            key = f"models/{digest([name, target.uri])}/lease.json"
            patiently = Retrying(
                retry=retry_if_exception_type(HeldError),
                stop=stop_after_delay(PATIENCE_SECONDS),
                wait=wait_random(0.1, 0.5),
                reraise=True,
            )
            patiently(lambda: stack.enter_context(hold(store, key, purpose=f"the champion of '{name}'")))
        yield


def _kept(version: ModelVersion) -> Registration | None:
    """Return the decision that a version is tagged with; None where there is none that can be read.

    Anyone may alter a tag in MLflow; what cannot be read is decided anew.
    """
    document = version.tags.get(DECISION_TAG)
    try:
        return Registration.from_json(json.loads(document)) if document else None
    except (ValueError, RecursionError, IntegrityError) as error:
        log.warning("version %s of '%s' is decided about anew: %s", version.version, version.name, error)
        return None


def _keep(client: MlflowClient, decision: Registration) -> None:
    """Write a decision down as one that is still to be carried out."""
    name, version = decision.name, str(decision.version)
    if DONE_TAG in client.get_model_version(name, version).tags:
        client.delete_model_version_tag(name, version, DONE_TAG)
    client.set_model_version_tag(name, version, DECISION_TAG, json.dumps(decision.to_json()))


def _asked_alike(decision: Registration, submission: Submission) -> bool:
    """Whether a decision was made by the margin and the level that are asked for."""
    return (decision.margin, decision.level) == (submission.margin, submission.level)


def _stands(decision: Registration, current: int | None) -> bool:
    """Whether a decision may still be carried out: nobody else has become champion since it was made."""
    return decision.alias == CHALLENGER or current in (decision.compared_with, decision.version)


def _carry_out(client: MlflowClient, decision: Registration, current: int | None) -> None:
    name, number = decision.name, decision.version
    if decision.alias == CHALLENGER and current == number and decision.compared_with is not None:
        client.set_registered_model_alias(name, CHAMPION, str(decision.compared_with))  # it has its alias back
    client.set_registered_model_alias(name, decision.alias, str(number))
    if decision.alias == CHAMPION:
        challenger = client.get_registered_model(name).aliases.get(CHALLENGER)
        if challenger is not None and int(challenger) == number:
            client.delete_registered_model_alias(name, CHALLENGER)


def _decide(
    client: MlflowClient,
    target: TrackingTarget,
    submission: Submission,
    version: int,
    *,
    current: int | None,
    before: Registration | None,
) -> Registration:
    """Compare a version with the champion, or, where it is champion by an earlier decision, with the one before."""
    name = submission.name
    made = Registration(
        name, version, CHAMPION, submission.run_id, "", margin=submission.margin, level=submission.level
    )
    rival = current
    if current == version:
        if before is None or before.alias != CHAMPION:
            return replace(made, why=f"It was made the champion of '{name}' in MLflow.")
        rival = before.compared_with if _exists(client, name, before.compared_with) else None
        if rival is None:
            return replace(before, margin=submission.margin, level=submission.level)
    if rival is None:
        return replace(made, why=f"It is the first champion of '{name}'.")
    made = replace(made, compared_with=rival)
    images, targets = submission.bundle.images("test"), submission.bundle.targets("test")
    try:
        submission.check(client.get_model_version(name, str(rival)).tags)
        theirs = champion_probabilities(client, target, Version(name, rival), images, submission.bundle.classes)
    except IncomparableError as error:
        why = f"Version {rival} stays champion, for the two cannot be compared: {error}."
        return replace(made, alias=CHALLENGER, why=why)
    found = submission.compare(submission.probabilities, theirs, targets)
    said = found.sentence(f"version {version}", f"version {rival}", submission.level)
    if found.better(submission.margin, submission.level):
        return replace(made, comparison=found, why=f"It replaces version {rival} as champion. {said}")
    if found.better(level=submission.level):
        said += f" The gain of {found.difference:.4f} is below {submission.section}.margin, {submission.margin:g}."
    stays = "is champion again" if current == version else "stays champion"
    return replace(made, alias=CHALLENGER, comparison=found, why=f"Version {rival} {stays}. {said}")


def _exists(client: MlflowClient, name: str, version: int | None) -> bool:
    from mlflow.exceptions import MlflowException

    if version is None:
        return False
    try:
        client.get_model_version(name, str(version))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return False
        raise
    return True
