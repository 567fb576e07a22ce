"""The winner's answers are told as they are, with pictures that can be looked at."""

import base64
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nasflow.data.bundle import DataBundle
from nasflow.delivery.report.answers import WORST, answered, picture


def opened(uri: str) -> Image.Image:
    kind, _, content = uri.partition(",")
    assert kind in ("data:image/png;base64", "data:image/jpeg;base64")
    return Image.open(io.BytesIO(base64.b64decode(content)))


@pytest.fixture
def bundle(bundle_at: Callable[..., DataBundle], tmp_path: Path) -> DataBundle:
    made = bundle_at(tmp_path / "data")
    names = '", "'.join(f"photo {n}.png" for n in range(120))
    (made.root / "test_samples.json").write_text(f'{{"names": ["{names}"], "keys": []}}')
    return made


def answers(bundle: DataBundle, wrong: int) -> np.ndarray:
    """Return probabilities that are wrong for the first samples, and surer the later the sample."""
    targets = bundle.targets("test")
    said = np.where(np.arange(120) < wrong, (targets + 1) % 3, targets)
    found = np.zeros((120, 3), np.float32)
    found[np.arange(120), targets] = 0.1 + np.linspace(0, 0.05, 120)
    found[np.arange(120), said] = 0.6 + np.linspace(0, 0.2, 120)
    return found


def test_the_worst_come_first_with_names_and_pictures(bundle: DataBundle) -> None:
    probabilities = answers(bundle, 4)
    confusion = np.array([[38, 2, 0], [0, 39, 1], [1, 0, 39]])
    told = answered(bundle, probabilities, confusion)
    assert (told.wrong, told.samples, len(told.worst)) == (4, 120, WORST)
    assert told.confusion == ((0, 0, 38), (0, 1, 2), (1, 1, 39), (1, 2, 1), (2, 0, 1), (2, 2, 39))
    first = told.worst[0]
    assert (first.name, first.truth, first.answer) == ("photo 0.png", "cat", "dog")
    assert first.truth_probability == pytest.approx(0.1)
    assert first.answer_probability == pytest.approx(0.6)
    assert [s.truth != s.answer for s in told.worst] == [True] * 4 + [False] * (WORST - 4)
    assert np.array_equal(np.asarray(opened(first.picture)), bundle.images("test")[0][:, :, 0])


def test_fewer_samples_than_places(bundle: DataBundle) -> None:
    few = replace(bundle, counts={"train": 0, "val": 0, "test": 3})
    np.save(few.root / "test_targets.npy", np.array([0, 1, 2]))
    told = answered(few, np.eye(3, dtype=np.float32), np.eye(3, dtype=np.int64))
    assert (len(told.worst), told.wrong) == (3, 0)


def test_small_images_are_kept_pixel_by_pixel() -> None:
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    assert np.array_equal(np.asarray(opened(picture(image))), image)


def test_large_images_become_thumbnails() -> None:
    image = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    uri = picture(image)
    assert max(opened(uri).size) == 112
    assert len(uri) < 20_000
    assert opened(picture(image[:, :, :1])).mode == "L"
