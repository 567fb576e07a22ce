"""Fetching a registered version of a model: its ONNX file and what its numbers mean."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasflow.config import StorageConfig
from nasflow.errors import TrackingError
from nasflow.plugins import nearest
from nasflow.tracking import TrackingTarget
from nasflow.tracking.client import explained, open_client
from nasflow.tracking.target import sqlite_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient


class UnusableError(TrackingError):
    """A registered version is no model of nasflow, or damaged: trying again is of no use."""


@dataclass(frozen=True)
class Version:
    """A version of a registered model: its name and its number."""

    name: str
    number: int


@dataclass(frozen=True)
class Package:
    """A registered version on this machine.

    Attributes:
        onnx: The ONNX file.
        metadata: JSON file with the following.
        classes: Names of the classes, in the order of the outputs.
        size: Height and width in pixels of the images that the network takes.
        channels: 1 (grey) or 3 (RGB).
    """

    onnx: Path
    metadata: Path
    classes: list[str]
    size: int
    channels: int


def version_of(client: MlflowClient, target: TrackingTarget, name: str, alias: str) -> Version:
    """Return the version that has an alias.

    Raises:
        TrackingError: There is none, or MLflow cannot be used.
    """
    from mlflow.exceptions import MlflowException

    with explained(target):
        try:
            return Version(name, int(client.get_model_version_by_alias(name, alias).version))
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise
            models = {model.name: model.aliases for model in client.search_registered_models()}
    if name in models:
        known = ", ".join(sorted(models[name])) or "none"
        raise TrackingError(f"model '{name}' in {target.shown} has no version '{alias}'; its aliases: {known}.")
    known = ", ".join(sorted(models)) or "none"
    raise TrackingError(
        f"no model '{name}' is registered in {target.shown}; models there: {known}.{nearest(name, list(models))}"
    )


def fetch(client: MlflowClient, target: TrackingTarget, version: Version, folder: Path) -> Package:
    """Download a registered version into a folder.

    Args:
        client: Of the MLflow.
        target: Where that is.
        version: What to download.
        folder: Where it goes; exists.

    Raises:
        UnusableError: The version is no model of nasflow, or damaged.
        Exception: It cannot be downloaded; whatever MLflow raises.
    """
    import yaml

    from nasflow.serving.predictor import METADATA_ARTIFACT, ONNX_ARTIFACT

    root = _downloaded(client, target.uri, version, folder)
    try:
        document: Any = yaml.safe_load((root / "MLmodel").read_text(encoding="utf-8"))
        artifacts = document["flavors"]["python_function"]["artifacts"]
        described = _inside(root, artifacts[METADATA_ARTIFACT]["path"])
        metadata = json.loads(described.read_text(encoding="utf-8"))
        return Package(
            _inside(root, artifacts[ONNX_ARTIFACT]["path"]),
            described,
            [str(name) for name in metadata["classes"]],
            int(metadata["size"]),
            int(metadata["channels"]),
        )
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RecursionError, yaml.YAMLError) as error:
        raise UnusableError(f"it is no model of nasflow, or damaged ({type(error).__name__}: {error}).") from error


def _downloaded(client: MlflowClient, uri: str, version: Version, folder: Path) -> Path:
    from mlflow.artifacts import download_artifacts

    source = client.get_model_version_download_uri(version.name, str(version.number))
    try:
        return Path(download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=uri, registry_uri=uri))
    except OSError as error:
        if "://" in source and not source.startswith("file:"):
            raise  # a connection that may be back soon, and no reason to give the version up
        raise UnusableError(f"its files are gone ({error}).") from error


@contextmanager
def fetched_model(name: str, wanted: str, tracking_uri: str | None = None) -> Iterator[tuple[Path, Path]]:
    """Yield the ONNX file and the metadata of a registered version; they are gone when the context ends.

    Args:
        name: Name of the registered model.
        wanted: An alias, or the number of a version.
        tracking_uri: The MLflow; by default `MLFLOW_TRACKING_URI`, else the store in the current folder.

    Raises:
        TrackingError: There is no such version, it is no model of nasflow, or MLflow cannot be reached.
    """
    target = TrackingTarget(tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or _beside(), "")
    if target.database and not target.database.exists():
        raise TrackingError(
            f"there is no MLflow database '{target.database}'; give tracking_uri, or set MLFLOW_TRACKING_URI, as "
            f"'nasflow run' printed it."
        )
    client = open_client(target)
    version = Version(name, int(wanted)) if wanted.isdigit() else version_of(client, target, name, wanted)
    with tempfile.TemporaryDirectory(prefix="nasflow-model-") as folder:
        try:
            with explained(target):
                package = fetch(client, target, version, Path(folder))
        except TrackingError as error:
            raise TrackingError(f"version {version.number} of '{name}' cannot be loaded: {error}") from error
        yield package.onnx, package.metadata


def _beside() -> str:
    return sqlite_uri(Path(StorageConfig().url).resolve() / "mlflow.db")


def _inside(root: Path, relative: str) -> Path:
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ValueError(f"{relative} is outside of the model")
    return path
