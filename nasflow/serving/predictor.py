"""The model that MLflow serves: images in, classes and probabilities out, by ONNX Runtime alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.pyfunc.model import PythonModel
from numpy.typing import NDArray

from .pixels import decode, fit

COLUMN = "image"
"""Name of the column of the input, and of the input of the ONNX file: uint8 (N, size, size, channels)."""

OUTPUT = "probabilities"
"""Name of the output of the ONNX file: float32 (N, classes)."""

ONNX_ARTIFACT = "onnx"
"""Name of the MLflow artifact with the ONNX file."""

METADATA_ARTIFACT = "metadata"
"""Name of the MLflow artifact with `classes`, `size` and `channels` as JSON."""

_BATCH = 256


class ImageClassifier(PythonModel):
    """An exported image classifier as an MLflow model."""

    def load_context(self, context: Any) -> None:
        """Open the ONNX file and read what the classes are called.

        Args:
            context: MLflow's, with the paths of the artifacts.
        """
        import onnxruntime

        metadata = json.loads(Path(context.artifacts[METADATA_ARTIFACT]).read_text(encoding="utf-8"))
        self._classes: list[str] = metadata["classes"]
        self._size: int = metadata["size"]
        self._channels: int = metadata["channels"]
        self._session = onnxruntime.InferenceSession(
            context.artifacts[ONNX_ARTIFACT], providers=["CPUExecutionProvider"]
        )

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Classify images.

        Args:
            context: MLflow's; not used.
            model_input: DataFrame with a column `image`; see `pixels.decode` for what a cell may hold.
            params: Not used.

        Returns:
            DataFrame, a row for each image and with the same index: `class`, the name of the likeliest class, and for
            each class a column `probability_<class>`, float32.

        Raises:
            ValueError: There is no such column, or a row holds no image; the text names the row.
        """
        names = list(model_input.columns) if isinstance(model_input, pd.DataFrame) else None
        if names is None or COLUMN not in names:
            given = f"columns {names}" if names is not None else type(model_input).__name__
            raise ValueError(f"the input is a DataFrame with one column '{COLUMN}', not {given}")
        cells = list(model_input[COLUMN])
        blocks = [self._probabilities(cells, start) for start in range(0, len(cells), _BATCH)]
        probabilities = np.concatenate([np.zeros((0, len(self._classes)), np.float32), *blocks])
        columns: dict[str, Any] = {"class": [self._classes[place] for place in probabilities.argmax(axis=1)]}
        columns |= {f"probability_{name}": probabilities[:, place] for place, name in enumerate(self._classes)}
        return pd.DataFrame(columns, index=model_input.index)

    def _probabilities(self, cells: list[Any], start: int) -> NDArray[np.float32]:
        images = [self._image(row, cells[row]) for row in range(start, min(start + _BATCH, len(cells)))]
        result: NDArray[np.float32] = self._session.run([OUTPUT], {COLUMN: np.stack(images)})[0]
        return result

    def _image(self, row: int, cell: Any) -> NDArray[np.uint8]:
        try:
            return fit(decode(cell), self._size, self._channels)
        except ValueError as error:
            raise ValueError(f"row {row}: {error}") from error
