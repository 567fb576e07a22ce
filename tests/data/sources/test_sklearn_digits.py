"""scikit-learn's digits as a source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from nasflow.data.sources.sklearn_digits import SklearnSource
from nasflow.errors import DataError
from nasflow.testing.sources import SourceContract


def digits() -> SklearnSource:
    return SklearnSource("digits", SklearnSource.Options(), Path())


class TestContract(SourceContract):
    def make_source(self, folder: Path) -> SklearnSource:
        return digits()


def test_pixels_are_the_originals_spread_over_255() -> None:
    data = load_digits()
    samples = list(digits().samples())
    images = np.stack([sample.image for sample in samples])
    assert images.dtype == np.uint8
    assert np.array_equal(np.rint(images / 255 * 16), data.images)
    assert (images.min(), images.max()) == (0, 255)
    assert [sample.label for sample in samples] == data.target.tolist()


@pytest.mark.parametrize("name", ["digit", "iris", ""])
def test_unknown_data(name: str) -> None:
    with pytest.raises(DataError) as caught:
        SklearnSource(name, SklearnSource.Options(), Path())
    assert str(caught.value) == f"data.source: 'sklearn:{name}' is unknown; scikit-learn has 'sklearn:digits'."


def test_scanning_is_fast() -> None:
    program = (
        "import sys; from pathlib import Path; from nasflow.data.sources.sklearn_digits import SklearnSource as S;"
        "S('digits', S.Options(), Path()).scan();"
        "sys.exit(any(n in sys.modules for n in ('sklearn', 'torch', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0
