"""The present champion of a registered model, asked about the same test samples as a new version."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nasflow.delivery.fetching import UnusableError, Version, fetch
from nasflow.errors import NasflowError, SearchError
from nasflow.tracking import TrackingTarget

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
CHALLENGER = "challenger"


class IncomparableError(NasflowError):
    """A champion cannot be asked about these samples; the text says why."""


def champion_version(client: MlflowClient, name: str) -> int | None:
    """Return the version of a registered model that is its champion, or None."""
    found = client.get_registered_model(name).aliases.get(CHAMPION)
    return int(found) if found is not None else None


def champion_probabilities(
    client: MlflowClient, target: TrackingTarget, version: Version, images: NDArray[np.uint8], classes: Sequence[str]
) -> NDArray[np.float32]:
    """Return what a registered version answers for images: probabilities (N, classes), float32, in the order given.

    Its own ONNX file is run; images of another size or other channels than it takes are fitted as in serving.

    Args:
        client: Of the MLflow.
        target: Where that is.
        version: The version to ask.
        images: uint8 (N, H, W, C).
        classes: Names of the classes, in the order that is wanted.

    Raises:
        IncomparableError: The version is no model of nasflow, is damaged, or knows other classes.
    """
    from nasflow.exporting.onnx import predict_onnx

    with tempfile.TemporaryDirectory(prefix="nasflow-champion-") as folder:
        try:
            package = fetch(client, target, version, Path(folder))
        except UnusableError as error:
            raise IncomparableError(str(error).rstrip(".")) from error
        if set(package.classes) != set(classes) or len(package.classes) != len(classes):
            raise IncomparableError(f"its classes are {_listed(package.classes)}, those of the data {_listed(classes)}")
        same = images.shape[1:] == (package.size, package.size, package.channels)
        prepare = None if same else partial(_fitted, size=package.size, channels=package.channels)
        try:
            found = predict_onnx(package.onnx, images, prepare)
        except SearchError as error:
            raise IncomparableError(f"its file cannot be run ({error})") from error
        return found[:, [package.classes.index(name) for name in classes]]


def _fitted(images: NDArray[np.uint8], size: int, channels: int) -> NDArray[np.uint8]:
    from nasflow.serving.pixels import fit

    grey = images.shape[3] == 1
    return np.stack([fit(np.asarray(image[:, :, 0] if grey else image), size, channels) for image in images])


def _listed(classes: Sequence[str]) -> str:
    shown = ", ".join(list(classes)[:5])
    return f"{len(classes)} ({shown}{', …' if len(classes) > 5 else ''})"
