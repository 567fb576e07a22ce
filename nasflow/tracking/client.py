"""Opening an MLflow: a fresh SQLite file made in one step, the experiment, and errors in one sentence."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nasflow.errors import NasflowError, TrackingError
from nasflow.ids import digest
from nasflow.passwords import hidden, without_login
from nasflow.tracking.target import TrackingTarget, sqlite_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment

REACH_SECONDS = 5.0
"""How long a server may take to answer at all; MLflow itself would try for minutes."""

REQUEST_SECONDS = 30
"""How long a server that has answered may take over one request."""

_MANNERS = {
    # A search tells nobody of itself but the MLflow it was given.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # It would print the address of every run that ends, with the login that the server's address may have.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # MLflow would try each request for minutes, and one whose answer was lost would make a second run. Instead,
    # whatever is asked of it here is safe to repeat as a whole, and is, by the writer's thread or by `patiently`.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": str(REQUEST_SECONDS),
}
"""Environment variables of MLflow, as they are where the user has not set them; some are read when it is imported."""

_REFUSALS = {"INVALID_PARAMETER_VALUE", "BAD_REQUEST"}
_LASTING = _REFUSALS | {
    *("UNAUTHENTICATED", "CUSTOMER_UNAUTHORIZED", "PERMISSION_DENIED", "INVALID_STATE", "NOT_IMPLEMENTED"),
    *("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS", "ENDPOINT_NOT_FOUND", "NOT_FOUND", "FEATURE_DISABLED"),
}
"""What MLflow says of requests that it would answer alike the next time."""


class RefusedError(TrackingError):
    """MLflow answered that it does not accept what was sent: trying again is of no use."""


class AwayError(TrackingError):
    """MLflow cannot be used now: trying again later may be of use."""


@dataclass(frozen=True)
class Connection:
    """An open MLflow.

    Attributes:
        client: Its client.
        target: What was opened.
        experiment_id: The experiment.
        identity: Hash that tells this experiment from those of other databases, also ones with the same name and id.
    """

    client: MlflowClient
    target: TrackingTarget
    experiment_id: str
    identity: str


def connect(target: TrackingTarget) -> Connection:
    """Open an MLflow and its experiment; what is not there is made, also by several processes at once.

    Imports mlflow, which takes more than a second.

    Raises:
        TrackingError: It cannot be reached or used.
    """
    client = open_client(target)
    with explained(target):
        experiment = _experiment(client, target)
        identity = digest([experiment.experiment_id, experiment.creation_time])
    return Connection(client, target, experiment.experiment_id, identity)


def open_client(target: TrackingTarget) -> MlflowClient:
    """Return a client of an MLflow that answers; its SQLite file is made where it is not there.

    Raises:
        TrackingError: It cannot be reached or used.
    """
    for name, value in _MANNERS.items():
        os.environ.setdefault(name, value)
    with explained(target):
        from mlflow import MlflowClient

        if "MLFLOW_LOGGING_LEVEL" not in os.environ:
            logging.getLogger("mlflow").setLevel(logging.WARNING)
        reach(target)
        if target.database:
            _make_database(target.database)
        return MlflowClient(target.uri)


def reach(target: TrackingTarget) -> None:
    """Return when the server behind a URI answers; anything else than a server is taken to be there.

    Raises:
        TrackingError: It does not answer.
    """
    if not target.uri.startswith(("http://", "https://")):
        return
    import ssl
    from http.client import HTTPException
    from urllib.error import HTTPError
    from urllib.request import urlopen

    address = without_login(target.uri).rstrip("/")
    try:
        urlopen(f"{address}/health", timeout=REACH_SECONDS).close()
    except HTTPError:
        return  # it answers; what it thinks of us is for MLflow's client to find out
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLError):
            return
        raise AwayError(
            f"MLflow at '{target.shown}' cannot be reached ({reason}); start it or correct tracking.uri "
            f"or MLFLOW_TRACKING_URI, and run the same command again: nothing is trained twice."
        ) from error


@contextmanager
def explained(target: TrackingTarget) -> Iterator[None]:
    """Turn whatever goes wrong at MLflow into a `TrackingError` of one sentence.

    Raises:
        TrackingError: Something went wrong inside the context.
    """
    try:
        yield
    except NasflowError:
        raise
    except Exception as error:  # MLflow lets through what requests, SQLAlchemy, boto3 and the system raise
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        first = hidden(lines[0].replace(target.uri, target.shown)) if lines else type(error).__name__
        why = first[:300].rstrip(".")
        raise _kind(error)(
            f"MLflow at '{target.shown}' cannot be used: {why}; check that, tracking.uri and MLFLOW_TRACKING_URI."
        ) from error


def _kind(error: Exception) -> type[TrackingError]:
    """Return whether MLflow refuses, is away, or cannot be used for another reason."""
    code = getattr(error, "error_code", None)
    if code in _REFUSALS:
        return RefusedError
    names = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    if code is not None:
        return TrackingError if code in _LASTING else AwayError
    away = {"requests.ConnectionError", "requests.Timeout", "sqlalchemy.OperationalError", "urllib3.HTTPError"}
    return AwayError if names & away else TrackingError


def _make_database(database: Path) -> None:
    """Make a fresh SQLite file: it is migrated under another name, so that nobody sees or inherits half of it."""
    if database.exists():
        return
    from filelock import FileLock
    from mlflow import MlflowClient

    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{database}.lock"):
        if database.exists():
            return
        for leftover in database.parent.glob(f"~{database.name}.*"):
            leftover.unlink()
        temporary = database.with_name(f"~{database.name}.{os.getpid()}")
        MlflowClient(sqlite_uri(temporary)).search_experiments(max_results=1)
        temporary.replace(database)


def _experiment(client: MlflowClient, target: TrackingTarget) -> Experiment:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(target.experiment)
    if found is None:
        try:
            identifier = client.create_experiment(target.experiment, artifact_location=target.artifact_location)
            found = client.get_experiment(identifier)
        except MlflowException:  # another process was first
            found = client.get_experiment_by_name(target.experiment)
            if found is None:
                raise
    if found.lifecycle_stage != "active":
        raise TrackingError(
            f"the experiment '{target.experiment}' was deleted in MLflow at '{target.shown}'; restore it with "
            f"'mlflow experiments restore -x {found.experiment_id}', or set tracking.experiment to another name."
        )
    return found
