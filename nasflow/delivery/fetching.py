"""Fetching a registered version of a model: its ONNX file and what its numbers mean."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nasflow.errors import TrackingError
from nasflow.tracking import TrackingTarget
from nasflow.tracking.client import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
    with explained(target):
        return Version(name, int(client.get_model_version_by_alias(name, alias).version))


def fetch(client: MlflowClient, target: TrackingTarget, version: Version, folder: Path) -> Package:
    """Download a registered version into a folder.

    Args:
        client: Of the MLflow.
        target: Where that is.
        version: What to download.
        folder: Where it goes; exists.

    Raises:
        TrackingError: The version is no model of nasflow, is damaged, or cannot be downloaded.
    """
    import yaml
    from mlflow.artifacts import download_artifacts

    from nasflow.serving.predictor import METADATA_ARTIFACT, ONNX_ARTIFACT

    uri = target.uri
    try:
        source = client.get_model_version_download_uri(version.name, str(version.number))
        root = Path(download_artifacts(artifact_uri=source, dst_path=str(folder), tracking_uri=uri, registry_uri=uri))
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
    except (OSError, KeyError, TypeError, ValueError, yaml.YAMLError) as error:
        raise TrackingError(f"it is no model of nasflow, or damaged ({type(error).__name__}: {error})") from error


def _inside(root: Path, relative: str) -> Path:
    path = (root / relative).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ValueError(f"{relative} is outside of the model")
    return path
