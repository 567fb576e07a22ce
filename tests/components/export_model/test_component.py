"""The step that exports the winner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nasflow.data.bundle import DataBundle
from nasflow.delivery.outcome import read_outcome
from nasflow.exporting.onnx import predict_onnx


def test_the_artifact_is_an_onnx_file_that_answers_as_evaluation_did(chain: Any) -> None:
    model = chain.artifacts["model"]
    bundle = DataBundle.open(Path(chain.artifacts["data"].path))
    answers = predict_onnx(Path(model.path), bundle.images("test"))
    right = float(np.mean(answers.argmax(1) == bundle.targets("test")))
    assert right == read_outcome(chain.artifacts["outcome"].path).winner.test_metrics["test_accuracy"]


def test_the_difference_from_pytorch_is_told_and_small(chain: Any) -> None:
    metadata = chain.artifacts["model"].metadata
    assert metadata["format"] == "onnx"
    assert 0 <= metadata["largest_difference"] < 1e-4
