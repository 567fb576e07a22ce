"""The model that MLflow serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.pyfunc.model import PythonModel

from .classifier import OnnxClassifier

COLUMN = "image"
"""Name of the column of the input."""

ONNX_ARTIFACT = "onnx"
"""Name of the MLflow artifact with the ONNX file."""

METADATA_ARTIFACT = "metadata"
"""Name of the MLflow artifact with `classes`, `size` and `channels` as JSON."""


class ImageClassifier(PythonModel):
    """An exported image classifier as an MLflow model."""

    def load_context(self, context: Any) -> None:
        """Open the ONNX file and read what the classes are called.

        Args:
            context: MLflow's, with the paths of the artifacts.
        """
        artifacts = context.artifacts
        self._classifier = OnnxClassifier(Path(artifacts[ONNX_ARTIFACT]), Path(artifacts[METADATA_ARTIFACT]))

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify images.

        Args:
            context: MLflow's; not used.
            model_input: DataFrame with a column `image`; see `pixels.decode` for what a cell may hold.
            params: Not used.

        Returns:
            What `OnnxClassifier.predict` gives, with the index of the input.

        Raises:
            ValueError: There is no such column, or a row holds no image; the text names the row.
        """
        names = list(model_input.columns) if isinstance(model_input, pd.DataFrame) else None
        if names is None or COLUMN not in names:
            given = f"columns {names}" if names is not None else type(model_input).__name__
            raise ValueError(f"the input is a DataFrame with one column '{COLUMN}', not {given}")
        return self._classifier.predict(list(model_input[COLUMN])).set_index(model_input.index)
