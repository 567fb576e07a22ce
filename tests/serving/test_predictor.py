"""Images in, classes and probabilities out."""

from __future__ import annotations

import base64
import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nasflow.serving.predictor import ImageClassifier

RED = np.zeros((10, 14, 3), np.uint8)
RED[..., 0] = 5
GREEN, BLUE = RED[..., [1, 0, 2]], RED[..., [1, 2, 0]]


@pytest.fixture(scope="module")
def model(artifacts: dict[str, str]) -> ImageClassifier:
    classifier = ImageClassifier()
    classifier.load_context(SimpleNamespace(artifacts=artifacts))
    return classifier


def predict(model: ImageClassifier, *cells: object) -> pd.DataFrame:
    frame = pd.DataFrame({"image": pd.Series(list(cells), dtype=object)})
    return model.predict(None, frame)


def png(image: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


def test_classes_and_probabilities(model: ImageClassifier) -> None:
    found = predict(model, RED, BLUE, GREEN)
    assert list(found.columns) == ["class", "probability_red", "probability_green", "probability_blue"]
    assert found["class"].tolist() == ["red", "blue", "green"]
    probabilities = found.drop(columns="class").to_numpy()
    assert probabilities.dtype == np.float32
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert probabilities[0] == pytest.approx(np.exp([5, 0, 0]) / np.exp([5, 0, 0]).sum(), rel=1e-5)


def test_every_form_of_an_image_has_one_answer(model: ImageClassifier) -> None:
    content = png(GREEN)
    forms = [GREEN, GREEN.tolist(), content, bytearray(content), base64.b64encode(content).decode()]
    found = predict(model, *forms)
    assert (found["class"] == "green").all()
    assert len(found["probability_green"].unique()) == 1


def test_sizes_and_channels_may_differ_by_row(model: ImageClassifier) -> None:
    grey = np.full((3, 50), 9, np.uint8)
    found = predict(model, np.tile(RED, (5, 1, 1)), grey, RED[:1, :1])
    assert found["class"].tolist()[::2] == ["red", "red"]
    assert found.iloc[1, 1:].tolist() == pytest.approx([1 / 3] * 3)


def test_batch_size_changes_nothing(model: ImageClassifier) -> None:
    images = list(np.random.default_rng(0).integers(0, 8, (600, 8, 8, 3), dtype=np.uint8))
    whole = predict(model, *images)
    single = pd.concat([predict(model, image) for image in images[250:260]])
    assert len(whole) == 600
    assert np.allclose(whole.iloc[250:260, 1:].to_numpy(float), single.iloc[:, 1:].to_numpy(float), atol=1e-6)


def test_index_is_kept(model: ImageClassifier) -> None:
    frame = pd.DataFrame({"image": [RED, BLUE], "id": [1, 2]}, index=["a", "b"])
    assert model.predict(None, frame)["class"].to_dict() == {"a": "red", "b": "blue"}


def test_no_rows(model: ImageClassifier) -> None:
    found = predict(model)
    assert found.shape == (0, 4)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ((RED, "%%%"), "row 1: the text is not base64"),
        ((b"no image",), "row 0: it is no image in a known format"),
        (
            (RED, RED, None),
            "row 2: an image is an array, nested lists, the bytes of a file, or base64 text, not NoneType",
        ),
        ((np.zeros((3, 8, 8), np.uint8),), "row 0: .* move the channels last"),
        ((*[RED] * 300, 1.5), "row 300: .* not float"),
    ],
)
def test_bad_row_is_named(model: ImageClassifier, cells: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        predict(model, *cells)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (pd.DataFrame({"img": [1]}), r"a DataFrame with one column 'image', not columns \['img'\]"),
        ([RED], "a DataFrame with one column 'image', not list"),
    ],
)
def test_input_without_the_column(model: ImageClassifier, given: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model.predict(None, given)
