"""The handwritten digits that come with scikit-learn: real data, and no download."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasflow.config import Options
from nasflow.data.protocol import Sample, Summary
from nasflow.errors import DataError
from nasflow.ids import digest

_COUNTS = (178, 182, 177, 183, 181, 182, 181, 179, 174, 180)
_WHITE = 16
"""The brightest level in the data."""


class SklearnOptions(Options):
    """Options of the source: none."""


class SklearnSource:
    """`sklearn:digits`: 1,797 grey images of 8 × 8 pixels, ten classes (Alpaydin and Kaynak, 1998)."""

    Options = SklearnOptions

    def __init__(self, argument: str, options: Any, base: Path) -> None:
        """Take the name of the data set.

        Raises:
            DataError: scikit-learn has no such images.
        """
        if argument != "digits":
            raise DataError(f"data.source: 'sklearn:{argument}' is unknown; scikit-learn has 'sklearn:digits'.")

    def scan(self) -> Summary:
        """Return what is known of the data, without importing scikit-learn, which takes a second."""
        return Summary(
            classes=tuple(str(digit) for digit in range(10)),
            counts=_COUNTS,
            channels=1,
            size=8,
            splits=(),
            digest=digest(["sklearn:digits", version("scikit-learn")]),
        )

    def samples(self) -> Iterator[Sample]:
        """Yield the images, their 17 levels spread over 0 to 255."""
        images, labels = self._data
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            yield Sample(f"digit {number}", int(label), image.tobytes(), image)

    @cached_property
    def _data(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        from sklearn.datasets import load_digits

        data = load_digits()
        return np.rint(data.images * (255 / _WHITE)).astype(np.uint8), data.target.astype(np.int64)
