"""Which arrays are taken for what."""

from __future__ import annotations

from typing import Any

import pytest

from nasflow.data.sources.npz_names import Pair, pairs_of
from nasflow.errors import DataError


@pytest.mark.parametrize(
    ("arrays", "pairs"),
    [
        (["x_train", "y_train", "x_test", "y_test"], {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")}),
        (["images", "labels"], {None: ("images", "labels")}),
        (["X", "Y"], {None: ("X", "Y")}),
        (["data", "target", "feature_names"], {None: ("data", "target")}),
        (["Train_Images", "Train_Labels"], {"train": ("Train_Images", "Train_Labels")}),
        (
            ["test_labels", "test_images", "validation_images", "validation_labels", "train_images", "train_labels"],
            {
                "train": ("train_images", "train_labels"),
                "val": ("validation_images", "validation_labels"),
                "test": ("test_images", "test_labels"),
            },
        ),
    ],
)
def test_names_tell(arrays: list[str], pairs: dict[Any, tuple[str, str]]) -> None:
    found = pairs_of("f.npz", arrays, None, None)
    assert list(found.items()) == [(split, Pair(*names)) for split, names in pairs.items()]


@pytest.mark.parametrize(
    ("images", "labels", "pairs"),
    [
        ("a", "b", {None: ("a", "b")}),
        ({"train": "a", "test": "c"}, {"train": "b", "test": "d"}, {"train": ("a", "b"), "test": ("c", "d")}),
        ({"train": "x_train"}, None, {"train": ("x_train", "y_train")}),
        (None, {"train": "b", "test": "y_test"}, {"train": ("x_train", "b"), "test": ("x_test", "y_test")}),
    ],
)
def test_options_tell(images: Any, labels: Any, pairs: dict[Any, tuple[str, str]]) -> None:
    arrays = ["a", "b", "c", "d", "x_train", "y_train", "x_test", "y_test"]
    found = pairs_of("f.npz", arrays, images, labels)
    assert found == {split: Pair(*names) for split, names in pairs.items()}


@pytest.mark.parametrize(
    ("arrays", "images", "labels", "words"),
    [
        ([], None, None, "f.npz holds no arrays."),
        (["a", "b"], None, None, "has no array named as images are, such as x_train or images; it has a, b; name the"),
        (
            ["images"],
            None,
            None,
            "has 'images' but no labels that belong to it; it has images; name the arrays by data.",
        ),
        (["x_train", "y_train", "y_test"], None, None, "has 'y_test' but no images that belong to it"),
        (["x_test", "y_test"], None, None, "has no training images"),
        (["x", "y", "x_train", "y_train"], None, None, "has 'x' beside arrays of splits"),
        (["images", "labels", "x"], None, None, "has both 'images' and 'x'; name the arrays by data.options.images"),
        (
            ["imgs", "y"],
            "img",
            None,
            "data.options.images: f.npz has no array 'img'; it has imgs, y. Did you mean 'imgs'",
        ),
        (["x", "y"], "x", {"train": "y"}, "has 'x' but no labels"),
    ],
)
def test_what_names_do_not_tell_is_asked_for(arrays: list[str], images: Any, labels: Any, words: str) -> None:
    with pytest.raises(DataError) as caught:
        pairs_of("f.npz", arrays, images, labels)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
