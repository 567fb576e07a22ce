"""An exported image classifier: images in, classes and probabilities out, by ONNX Runtime alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .pixels import decode, fit

if TYPE_CHECKING:
    import pandas as pd

INPUT = "image"
"""Name of the input of the ONNX file: uint8 (N, size, size, channels)."""

OUTPUT = "probabilities"
"""Name of the output of the ONNX file: float32 (N, classes)."""

METADATA_FILE = "metadata.json"
"""Name of the file beside the ONNX file with `classes`, `size` and `channels` as JSON."""

_BATCH = 256


class OnnxClassifier:
    """An ONNX file with what its numbers mean.

    Args:
        onnx: The file.
        metadata: JSON with `classes`, `size` and `channels`; by default `metadata.json` beside the ONNX file.

    Attributes:
        classes: Names of the classes, in the order of the probabilities.
        size: Height and width in pixels of the images that the network sees.
        channels: 1 (grey) or 3 (RGB).

    Raises:
        OSError: The metadata cannot be read.
    """

    def __init__(self, onnx: Path, metadata: Path | None = None) -> None:
        import onnxruntime

        told = json.loads((metadata or onnx.with_name(METADATA_FILE)).read_text(encoding="utf-8"))
        self.classes: tuple[str, ...] = tuple(told["classes"])
        self.size: int = told["size"]
        self.channels: int = told["channels"]
        self._session = onnxruntime.InferenceSession(str(onnx), providers=["CPUExecutionProvider"])

    def probabilities(self, images: Sequence[Any]) -> NDArray[np.float32]:
        """Return probabilities (N, classes), float32, of images in any form that `pixels.decode` takes.

        Raises:
            ValueError: One is no image; the text names it by its place.
        """
        blocks = [self._block(images, start) for start in range(0, len(images), _BATCH)]
        return np.concatenate([np.zeros((0, len(self.classes)), np.float32), *blocks])

    def predict(self, images: Sequence[Any]) -> pd.DataFrame:
        """Classify images in any form that `pixels.decode` takes.

        Returns:
            DataFrame, a row for each image: `class`, the name of the likeliest class, and for each class a column
            `probability_<class>`, float32.

        Raises:
            ValueError: One is no image; the text names it by its place.
        """
        import pandas as pd

        probabilities = self.probabilities(images)
        columns: dict[str, Any] = {"class": [self.classes[place] for place in probabilities.argmax(axis=1)]}
        columns |= {f"probability_{name}": probabilities[:, place] for place, name in enumerate(self.classes)}
        return pd.DataFrame(columns)

    def _block(self, images: Sequence[Any], start: int) -> NDArray[np.float32]:
        fitted = [self._fitted(row, images[row]) for row in range(start, min(start + _BATCH, len(images)))]
        result: NDArray[np.float32] = self._session.run([OUTPUT], {INPUT: np.stack(fitted)})[0]
        return result

    def _fitted(self, row: int, image: Any) -> NDArray[np.uint8]:
        try:
            return fit(decode(image), self.size, self.channels)
        except ValueError as error:
            raise ValueError(f"row {row}: {error}") from error
