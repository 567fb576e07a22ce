"""A registered model's package: the ONNX file, what its classes are called, and the code that serves it."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import Model


@dataclass(frozen=True)
class ModelFiles:
    """What an MLflow model is made of.

    Attributes:
        onnx: The ONNX file.
        classes: Names of the classes, in the order of the outputs.
        example: An image as the network takes it, uint8 (size, size, channels), kept as the input example.
    """

    onnx: Path
    classes: tuple[str, ...]
    example: NDArray[np.uint8]


def log_model(client: MlflowClient, run_id: str, name: str, files: ModelFiles, tags: Mapping[str, str]) -> str:
    """Log an MLflow model to a run that exists, whatever its state; no other run is touched or made.

    The client is told the run: MLflow's own `log_model` goes by the active run and by environment variables, which
    Kubeflow sets to a run of its own.

    Args:
        client: Of the MLflow.
        run_id: The run that the model comes from.
        name: Name of the model.
        files: What the model is made of.
        tags: Tags of the logged model.

    Returns:
        The id of the logged model.
    """
    from mlflow.entities import LoggedModelOutput, LoggedModelStatus
    from mlflow.models import Model

    experiment_id = client.get_run(run_id).info.experiment_id
    logged = client.create_logged_model(experiment_id, name, source_run_id=run_id, tags=dict(tags), model_type="image")
    try:
        with tempfile.TemporaryDirectory(prefix="nasflow-model-") as folder:
            package = Path(folder) / "model"
            model = Model(
                artifact_path=logged.artifact_location,
                model_uuid=logged.model_id,
                run_id=run_id,
                model_id=logged.model_id,
            )
            _save(package, model, files)
            client.log_model_artifacts(logged.model_id, str(package))
    except BaseException:
        client.finalize_logged_model(logged.model_id, LoggedModelStatus.FAILED)
        raise
    client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
    client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
    return str(logged.model_id)


def logged_before(client: MlflowClient, run_id: str, tag: str, value: str) -> str | None:
    """Return the id of a whole model with a tag that was logged from a run already, or None.

    What a process that was stopped has left behind is cleared away: models of the same tag that are not whole, and
    copies of a whole one. A whole model that the run does not know of yet becomes one of its outputs.

    Args:
        client: Of the MLflow.
        run_id: The run that the model comes from.
        tag: Name of the tag.
        value: Its value; holds no quotation mark.
    """
    from mlflow.entities import LoggedModelOutput

    run = client.get_run(run_id)
    known = {output.model_id for output in run.outputs.model_outputs} if run.outputs else set()
    wanted = f"tags.`{tag}` = '{value}' AND source_run_id = '{run_id}'"
    found = client.search_logged_models([run.info.experiment_id], filter_string=wanted)
    whole = sorted((m for m in found if m.status == "READY"), key=lambda m: (m.model_id not in known, m.model_id))
    for model in found:
        if not whole or model.model_id != whole[0].model_id:
            client.delete_logged_model(model.model_id)
    if not whole:
        return None
    if whole[0].model_id not in known:
        client.log_outputs(run_id, [LoggedModelOutput(whole[0].model_id, step=0)])
    return str(whole[0].model_id)


def requirements() -> list[str]:
    """Return what serving the model needs, at the versions installed here; MLflow itself brings pandas."""
    from nasflow.serving.packaging import REQUIREMENTS

    return [f"{name}=={version(name)}" for name in REQUIREMENTS]


def _save(package: Path, model: Model, files: ModelFiles) -> None:
    import mlflow.pyfunc
    import pandas as pd

    from nasflow.serving.packaging import serving_code, signature
    from nasflow.serving.predictor import METADATA_ARTIFACT, ONNX_ARTIFACT

    metadata = package.with_name("metadata.json")
    size, _, channels = files.example.shape
    document = {"classes": list(files.classes), "size": size, "channels": channels}
    metadata.write_text(json.dumps(document), encoding="utf-8")
    served = package.with_name("model.onnx")
    served.write_bytes(files.onnx.read_bytes())
    with serving_code() as code, _quiet():
        mlflow.pyfunc.save_model(
            path=str(package),
            python_model=code.python_model,
            code_paths=code.code_paths,
            artifacts={ONNX_ARTIFACT: str(served), METADATA_ARTIFACT: str(metadata)},
            signature=signature(list(files.classes)),
            input_example=pd.DataFrame({"image": [png(files.example)]}),
            pip_requirements=requirements(),
            mlflow_model=model,
        )
    for cache in package.rglob("__pycache__"):
        for file in cache.iterdir():
            file.unlink()
        cache.rmdir()


def png(image: NDArray[np.uint8]) -> str:
    """Return an image, uint8 (H, W, C) with one or three channels, as the base64 text of a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode("ascii")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back MLflow's advice on type hints and the like, which is for its own callers."""
    logger = logging.getLogger("mlflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
