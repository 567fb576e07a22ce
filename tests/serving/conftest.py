"""A model that says which colour is strongest, as an ONNX file, and the same as MLflow keeps it."""

from __future__ import annotations

import json
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from nasflow.serving.packaging import REQUIREMENTS, serving_code, signature
from nasflow.serving.predictor import METADATA_ARTIFACT, ONNX_ARTIFACT

CLASSES = ["red", "green", "blue"]
SIZE = 8


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The ONNX file and its metadata, by the names of the artifacts."""
    folder = tmp_path_factory.mktemp("artifacts")
    nodes = [
        helper.make_node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["floats"], ["colours"], axes=[1, 2], keepdims=0),
        helper.make_node("Softmax", ["colours"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "colours",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 3])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 10
    onnx.save(model, folder / "model.onnx")
    (folder / "metadata.json").write_text(json.dumps({"classes": CLASSES, "size": SIZE, "channels": 3}))
    return {ONNX_ARTIFACT: str(folder / "model.onnx"), METADATA_ARTIFACT: str(folder / "metadata.json")}


@pytest.fixture(scope="session")
def saved(artifacts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as MLflow saves it."""
    import mlflow

    path = tmp_path_factory.mktemp("saved") / "model"
    with serving_code() as code:
        mlflow.pyfunc.save_model(
            path=str(path),
            python_model=code.python_model,
            code_paths=code.code_paths,
            artifacts=artifacts,
            signature=signature(CLASSES),
            pip_requirements=list(REQUIREMENTS),
        )
    return path
