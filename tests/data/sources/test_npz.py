"""Arrays as a source: every shape and type that is taken, and one sentence for each that is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from nasflow.config import DataConfig
from nasflow.data.opening import open_source
from nasflow.data.prepare import prepare
from nasflow.data.sources.npz import NpzSource
from nasflow.errors import DataError
from nasflow.testing.sources import SourceContract

MNIST = Path(__file__).parents[4] / "shared" / "data" / "mnist.npz"


def pixels(count: int, *shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count: int, classes: int = 2) -> NDArray[np.int64]:
    return np.arange(count) % classes


def source(folder: Path, options: dict[str, Any] | None = None, **arrays: Any) -> NpzSource:
    np.savez_compressed(folder / "data.npz", **arrays)
    return opened(folder, **(options or {}))


def opened(folder: Path, **options: Any) -> NpzSource:
    return NpzSource("data.npz", NpzSource.Options.model_validate(options), folder)


class TestContractOfSplits(SourceContract):
    def make_source(self, folder: Path) -> NpzSource:
        if not any(folder.iterdir()):
            x, y = pixels(40, 9, 9), labels(40)
            np.savez(folder / "data.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
        return opened(folder)

    def change_data(self, folder: Path) -> bool:
        np.savez(folder / "data.npz", x_train=pixels(40, 9, 9), y_train=labels(40))
        return True


class TestContractOfColour(SourceContract):
    def make_source(self, folder: Path) -> NpzSource:
        if not any(folder.iterdir()):
            np.savez(folder / "data.npz", images=pixels(20, 12, 10, 3), labels=np.array(["cat", "dog"] * 10))
        return opened(folder)


@pytest.mark.parametrize(
    ("shape", "as_stored"),
    [
        ((9, 11), lambda x: x),
        ((9, 11), lambda x: x[..., None]),
        ((9, 11), lambda x: x[:, None]),
        ((9, 11, 3), lambda x: x),
        ((9, 11, 3), lambda x: np.ascontiguousarray(x.transpose(0, 3, 1, 2))),
        ((9, 11), lambda x: x.astype(np.int64)),
        ((9, 11), lambda x: x.astype(">u2")),
        ((9, 11), lambda x: x / 255),
        ((9, 11, 3), lambda x: x.astype(np.float32) / 255),
        ((9, 11), lambda x: x.astype(np.float32) * np.float32(1 / 255)),
    ],
)
def test_pixels_are_the_same_however_they_are_stored(tmp_path: Path, shape: tuple[int, ...], as_stored: Any) -> None:
    original = pixels(10, *shape)
    reader = source(tmp_path, images=as_stored(original), labels=labels(10))
    summary = reader.scan()
    assert (summary.size, summary.channels, summary.splits) == (9, 3 if len(shape) == 3 else 1, ())
    for sample, image in zip(reader.samples(), original, strict=True):
        assert np.array_equal(np.asarray(sample.image), image)
        assert sample.content == image.tobytes()


@pytest.mark.parametrize(
    ("stored", "classes", "first"),
    [
        (np.array([3, 7] * 5, np.uint8), ("3", "7"), 0),
        (np.array([[2], [1]] * 5, ">i8"), ("1", "2"), 1),
        (np.array(["dog", "cat"] * 5), ("cat", "dog"), 1),
        (np.array([True, False] * 5), ("False", "True"), 1),
    ],
)
def test_labels_name_the_classes(tmp_path: Path, stored: Any, classes: tuple[str, ...], first: int) -> None:
    reader = source(tmp_path, x=pixels(10, 8, 8), y=stored)
    summary = reader.scan()
    assert (summary.classes, summary.counts) == (classes, (5, 5))
    assert [sample.label for sample in reader.samples()] == [first, 1 - first] * 5


def test_classes_can_be_named(tmp_path: Path) -> None:
    reader = source(tmp_path, {"classes": ["up", "down"]}, x=pixels(10, 8, 8), y=labels(10))
    assert reader.scan().classes == ("up", "down")
    assert [sample.label for sample in reader.samples()][:3] == [0, 1, 0]


@pytest.mark.parametrize(("kind", "other"), [(np.uint64, np.int64), (np.int8, np.uint64), (np.bool_, np.uint8)])
@pytest.mark.parametrize("classes", [None, ["up", "down"]])
def test_integers_of_several_types_are_labels_of_one_kind(
    tmp_path: Path, kind: Any, other: Any, classes: list[str] | None
) -> None:
    x, y = pixels(10, 8, 8), labels(10)
    options = {} if classes is None else {"classes": classes}
    reader = source(tmp_path, options, x_train=x, y_train=y.astype(kind), x_test=x, y_test=y.astype(other))
    assert reader.scan().classes == tuple(classes or ("0", "1"))
    assert [sample.label for sample in reader.samples()] == [0, 1] * 10


def test_booleans_can_be_named(tmp_path: Path) -> None:
    reader = source(tmp_path, {"classes": ["no", "yes"]}, x=pixels(10, 8, 8), y=labels(10) == 1)
    assert (reader.scan().classes, reader.scan().counts) == (("no", "yes"), (5, 5))
    assert [sample.label for sample in reader.samples()] == [0, 1] * 5


def test_arrays_can_be_named(tmp_path: Path) -> None:
    options = {"images": {"train": "a", "test": "c"}, "labels": {"train": "b", "test": "d"}}
    arrays = {"a": pixels(10, 8, 8), "b": labels(10), "c": pixels(4, 8, 8, seed=1), "d": labels(4)}
    reader = source(tmp_path, options, **arrays)
    assert reader.scan().splits == ("train", "test")
    assert [sample.name for sample in reader.samples()][9:12] == ["a 9", "c 0", "c 1"]
    assert {sample.split for sample in reader.samples()} == {"train", "test"}


GOOD = {"x": pixels(10, 8, 8), "y": labels(10)}
WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"y": labels(9)}, {}, "y (int64 (9,)) in FILE has not as many labels as x (uint8 (10, 8, 8)) has images."),
    (
        {"y": np.eye(2)[labels(10)]},
        {},
        "y (float64 (10, 2)) in FILE looks like one column a class; store its argmax(1)",
    ),
    ({"y": labels(10) / 1}, {}, "y (float64 (10,)) in FILE is no array of labels: (N,) whole numbers or texts."),
    ({"y": labels(10).astype(object)}, {}, "y (object (10,)) in FILE holds Python objects, which would have to be unp"),
    ({"x": pixels(10, 8)}, {}, "x (uint8 (10, 8)) in FILE is no array of images: (N, H, W), or (N, H, W, C) with 1 or"),
    ({"x": pixels(10, 8, 8, 2)}, {}, "is no array of images"),
    ({"x": pixels(10, 0, 8)}, {}, "is no array of images"),
    ({"x": pixels(0, 8, 8), "y": labels(0)}, {}, "is empty; store an image and a label of each sample."),
    ({"x": pixels(10, 3, 8, 3)}, {}, "x (uint8 (10, 3, 8, 3)) in FILE may have its channels first or last; store"),
    ({"x": pixels(10, 8, 8) * 2.0}, {}, "has fractions outside 0 to 1; store uint8 from 0 to 255."),
    ({"x": np.full((10, 8, 8), np.nan)}, {}, "has fractions outside 0 to 1"),
    ({"x": np.full((10, 8, 8), 0.3001)}, {}, "has fractions that are no whole 255ths; store uint8 from 0 to 255."),
    ({"x": pixels(10, 8, 8).astype(int) - 1}, {}, "has pixels from -1 to 254; 0 to 255 are known."),
    ({"x": pixels(10, 8, 8) > 99}, {}, "x (bool (10, 8, 8)) in FILE holds no numbers that are pixels; store uint8"),
    (
        {},
        {"classes": ["a"]},
        "data.options.classes names 1 classes, for labels from 0 to 0, but FILE has labels from 0 to",
    ),
    ({}, {"classes": ["a", "a"]}, "data.options.classes has a name twice; each class needs its own."),
    (
        {"y": labels(10).astype(np.uint64) + np.uint64(2**63)},
        {},
        "y (uint64 (10,)) in FILE has labels up to 9223372036854775809; store whole numbers from 0.",
    ),
    ({}, {"classes": []}, "data.options.classes names no class"),
]


@pytest.mark.parametrize(("change", "options", "words"), WRONG)
def test_what_cannot_be_learned_from(
    tmp_path: Path, change: dict[str, Any], options: dict[str, Any], words: str
) -> None:
    reader = source(tmp_path, options, **(GOOD | change))
    with pytest.raises(DataError) as caught:
        _ = [reader.scan(), *reader.samples()]
    message = str(caught.value).replace(str(tmp_path / "data.npz"), "FILE")
    assert words in message
    assert "\n" not in message


def test_splits_of_two_kinds(tmp_path: Path) -> None:
    x, y = GOOD["x"], GOOD["y"]
    with pytest.raises(
        DataError, match=r"not all of one shape: x_train \(uint8 \(10, 8, 8\)\), x_test \(uint8 \(10, 4"
    ):
        source(tmp_path, x_train=x, y_train=y, x_test=x[:, :4], y_test=y).scan()
    with pytest.raises(DataError, match="are numbers in one split and texts in another"):
        source(tmp_path, x_train=x, y_train=y, x_test=x, y_test=y.astype(str)).scan()


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    source(tmp_path, **GOOD)
    with pytest.raises(DataError, match=r"there is no file .*dota\.npz\. Did you mean 'data\.npz'\?"):
        open_source(DataConfig(source="npz:dota.npz"), tmp_path).scan()


def test_the_same_images_in_a_file_of_another_time_have_another_digest(tmp_path: Path) -> None:
    first = source(tmp_path, **GOOD).scan().digest
    os.utime(tmp_path / "data.npz", ns=(1, 1))
    assert opened(tmp_path).scan().digest != first


def test_mnist(tmp_path: Path) -> None:
    if not MNIST.is_file():
        pytest.skip(f"{MNIST} is not here")
    summary = open_source(DataConfig(source=f"npz:{MNIST}"), tmp_path).scan()
    assert (sum(summary.counts), summary.size, summary.channels) == (70_000, 28, 1)
    assert summary.splits == ("train", "test")


@pytest.mark.slow
def test_mnist_is_prepared(tmp_path: Path) -> None:
    if not MNIST.is_file():
        pytest.skip(f"{MNIST} is not here")
    bundle = prepare(DataConfig(source=f"npz:{MNIST}"), tmp_path, tmp_path / "b")
    assert sum(bundle.counts.values()) + sum(bundle.dropped.values()) == 70_000
    assert bundle.counts["test"] == 10_000
