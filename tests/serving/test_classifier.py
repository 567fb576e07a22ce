"""An exported classifier without MLflow."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nasflow.serving.classifier import OnnxClassifier
from nasflow.serving.predictor import METADATA_ARTIFACT, ONNX_ARTIFACT

GREEN = np.zeros((10, 14, 3), np.uint8)
GREEN[..., 1] = 5


@pytest.fixture(scope="module")
def classifier(artifacts: dict[str, str]) -> OnnxClassifier:
    return OnnxClassifier(Path(artifacts[ONNX_ARTIFACT]), Path(artifacts[METADATA_ARTIFACT]))


def test_what_the_numbers_mean(classifier: OnnxClassifier) -> None:
    assert classifier.classes == ("red", "green", "blue")
    assert (classifier.size, classifier.channels) == (8, 3)


def test_probabilities(classifier: OnnxClassifier) -> None:
    found = classifier.probabilities([GREEN, GREEN[..., ::-1], GREEN[..., [1, 0, 2]].tolist()])
    assert (found.shape, found.dtype) == ((3, 3), np.float32)
    assert found.argmax(axis=1).tolist() == [1, 1, 0]
    assert classifier.probabilities([]).shape == (0, 3)


def test_predict(classifier: OnnxClassifier) -> None:
    found = classifier.predict([GREEN])
    assert found.loc[0, "class"] == "green"
    assert found.loc[0, "probability_green"] == pytest.approx(np.exp(5) / (np.exp(5) + 2), rel=1e-5)


def test_bad_image_is_named(classifier: OnnxClassifier) -> None:
    with pytest.raises(ValueError, match="row 1: an image is an array"):
        classifier.probabilities([GREEN, 3])


def test_metadata_beside_the_file_are_found(artifacts: dict[str, str], tmp_path: Path) -> None:
    onnx = Path(shutil.copy(artifacts[ONNX_ARTIFACT], tmp_path / "model.onnx"))
    with pytest.raises(FileNotFoundError, match=r"metadata\.json"):
        OnnxClassifier(onnx)
    told = json.loads(Path(artifacts[METADATA_ARTIFACT]).read_text())
    (tmp_path / "metadata.json").write_text(json.dumps({**told, "classes": ["r", "g", "b"]}))
    assert OnnxClassifier(onnx).predict([GREEN])["class"].tolist() == ["g"]


def test_needs_neither_mlflow_nor_torch() -> None:
    program = (
        "import sys; import nasflow.serving.classifier;"
        "sys.exit(any(name in sys.modules for name in ('mlflow', 'torch', 'pandas', 'onnxruntime')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
