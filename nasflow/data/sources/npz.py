"""Images and labels as NumPy arrays in one .npz file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasflow.config import Options
from nasflow.data.protocol import Sample, Split, Summary
from nasflow.data.sources.npz_arrays import ArrayHeader, NpzFile
from nasflow.data.sources.npz_names import Named, Pair, pairs_of
from nasflow.data.sources.remembering import stamp
from nasflow.errors import DataError, MissingDataError
from nasflow.plugins import nearest

_TOLERANCE = 1e-3
"""How far, in levels of 1/255, a fraction of single precision may be off the level that it was made from."""

_MOST = np.iinfo(np.int64).max


class NpzOptions(Options):
    """Options of the source."""

    images: Named = None
    """The array of images, or one for each of train, val and test; by default found by name."""

    labels: Named = None
    """The array of labels, or one for each of train, val and test; by default found by name."""

    classes: list[str] | None = None
    """Names of the classes; label 0 has the first. By default the labels themselves are the names."""


class NpzSource:
    """`npz:digits.npz`: arrays of images and of labels, for all or for train, val and test each.

    Images are (N, H, W), (N, H, W, 1), (N, H, W, 3), (N, 1, H, W) or (N, 3, H, W): uint8; whole numbers of another
    type from 0 to 255; or floating-point numbers from 0 to 1 that are whole 255ths, as 8 bits divided by 255 are. Each
    becomes the same 8 bits again, nothing is rounded away. Labels are whole numbers, booleans or texts,
    (N,) or (N, 1).
    """

    Options = NpzOptions

    def __init__(self, argument: str, options: NpzOptions, base: Path) -> None:
        """Take the path of the file, relative to `base` where it is not absolute."""
        self.path = base / Path(argument).expanduser()
        self._options = options
        self._file = NpzFile(self.path)

    def scan(self) -> Summary:
        """Read the labels and what the images say of themselves.

        Raises:
            DataError: The file is missing or damaged, or its arrays are none of images with their labels.
        """
        shapes = {self._form(self._headers[pair.images]) for pair in self._pairs.values()}
        if len(shapes) > 1:
            listed = ", ".join(str(self._headers[pair.images]) for pair in self._pairs.values())
            raise DataError(f"data.source: the images of {self.path} are not all of one shape: {listed}.")
        height, width, channels = next(iter(shapes))
        labels = np.concatenate(list(self._labels.values()))
        return Summary(
            classes=self._classes,
            counts=tuple(np.bincount(labels, minlength=len(self._classes)).tolist()),
            channels=channels,
            size=min(max(min(height, width), 8), 224),
            splits=tuple(split for split in self._pairs if split is not None),
            digest=stamp(self.path),
        )

    def samples(self) -> Iterator[Sample]:
        """Yield the images in the order of the file.

        Raises:
            DataError: The file is damaged, or pixels are not of 8 bits.
        """
        for split, pair in self._pairs.items():
            header = self._headers[pair.images]
            labels = self._labels[split]
            place = 0
            for block in self._file.rows(pair.images):
                for image in self._as_bytes(block, header):
                    yield Sample(f"{pair.images} {place}", int(labels[place]), image.tobytes(), image, split)
                    place += 1

    @cached_property
    def _headers(self) -> dict[str, ArrayHeader]:
        if not self.path.is_file():
            folder = self.path.parent
            siblings = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
            raise MissingDataError(f"data.source: there is no file {self.path}.{nearest(self.path.name, siblings)}")
        return self._file.headers()

    @cached_property
    def _pairs(self) -> Mapping[Split | None, Pair]:
        return pairs_of(str(self.path), list(self._headers), self._options.images, self._options.labels)

    def _form(self, header: ArrayHeader) -> tuple[int, int, int]:
        """Return height, width and channels of an array of images.

        Raises:
            DataError: It has another shape.
        """
        shape = header.shape
        if len(shape) == 3 and 0 not in shape[1:]:
            return shape[1], shape[2], 1
        if len(shape) == 4 and 0 not in shape[1:]:
            last, first = shape[3] in {1, 3}, shape[1] in {1, 3}
            if last and first:
                raise self._wrong(header, "may have its channels first or last; store (N, H, W, C) with H above 3")
            if last or first:
                return (shape[1], shape[2], shape[3]) if last else (shape[2], shape[3], shape[1])
        raise self._wrong(header, "is no array of images: (N, H, W), or (N, H, W, C) with 1 or 3 channels")

    def _as_bytes(self, block: NDArray[Any], header: ArrayHeader) -> NDArray[np.uint8]:
        """Return images as uint8 (n, H, W) or (n, H, W, 3).

        Raises:
            DataError: They are no 8 bits.
        """
        height, width, channels = self._form(header)
        if block.ndim == 4 and block.shape[1:] != (height, width, channels):
            block = block.transpose(0, 2, 3, 1)
        if block.dtype != np.uint8:
            block = self._levels(block, header)
        images = np.ascontiguousarray(block, dtype=np.uint8)
        return images.reshape(-1, height, width) if channels == 1 else images

    def _levels(self, block: NDArray[Any], header: ArrayHeader) -> NDArray[Any]:
        if block.dtype.kind in "iu":
            if block.min() < 0 or block.max() > 255:
                raise self._wrong(header, f"has pixels from {block.min()} to {block.max()}; 0 to 255 are known")
            return block
        if block.dtype.kind != "f":
            raise self._wrong(header, "holds no numbers that are pixels; store uint8 from 0 to 255")
        if not (np.isfinite(block).all() and block.min() >= 0 and block.max() <= 1):
            raise self._wrong(header, "has fractions outside 0 to 1; store uint8 from 0 to 255")
        levels = block.astype(np.float64) * 255
        if np.abs(levels - np.rint(levels)).max() > _TOLERANCE:
            raise self._wrong(header, "has fractions that are no whole 255ths; store uint8 from 0 to 255")
        return np.rint(levels)

    @cached_property
    def _raw_labels(self) -> dict[Split | None, NDArray[Any]]:
        found = {}
        for split, pair in self._pairs.items():
            images, header = self._headers[pair.images], self._headers[pair.labels]
            if header.dtype.hasobject:
                raise self._wrong(header, "holds Python objects, which would have to be unpickled; store numbers")
            if len(header.shape) == 2 and header.shape[1] > 1:
                raise self._wrong(header, "looks like one column a class; store its argmax(1), one number an image")
            if header.dtype.kind not in "iuUb" or len(header.shape) not in {1, 2}:
                raise self._wrong(header, "is no array of labels: (N,) whole numbers or texts")
            if header.shape[0] != (images.shape[0] if images.shape else None):
                raise self._wrong(header, f"has not as many labels as {images} has images")
            if header.shape[0] == 0:
                raise self._wrong(header, "is empty; store an image and a label of each sample")
            found[split] = self._integers(self._file.whole(pair.labels).reshape(-1), header)
        if len({labels.dtype.kind for labels in found.values()}) > 1:
            raise DataError(f"data.source: the labels of {self.path} are numbers in one split and texts in another.")
        return found

    def _integers(self, labels: NDArray[Any], header: ArrayHeader) -> NDArray[Any]:
        """Return labels that are texts as they are, and others as int64, for NumPy joins uint64 and int64 to floats."""
        if labels.dtype.kind == "U":
            return labels
        if labels.dtype.kind == "u" and labels.max() > _MOST:
            raise self._wrong(header, f"has labels up to {labels.max()}; store whole numbers from 0")
        return labels.astype(np.int64)

    @cached_property
    def _are_booleans(self) -> bool:
        return all(self._headers[pair.labels].dtype.kind == "b" for pair in self._pairs.values())

    @cached_property
    def _values(self) -> NDArray[Any]:
        """The different labels, sorted."""
        return np.unique(np.concatenate([np.unique(labels) for labels in self._raw_labels.values()]))

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        names = self._options.classes
        if names is None:
            return tuple(str(bool(value) if self._are_booleans else value) for value in self._values.tolist())
        if not names:
            raise DataError("data.options.classes names no class; leave it out, or name all.")
        if len(set(names)) != len(names):
            raise DataError("data.options.classes has a name twice; each class needs its own.")
        values = self._values
        if values.dtype.kind != "i" or values[0] < 0 or values[-1] >= len(names):
            raise DataError(
                f"data.options.classes names {len(names)} classes, for labels from 0 to {len(names) - 1}, but "
                f"{self.path} has labels from {values[0]} to {values[-1]}."
            )
        return tuple(names)

    @cached_property
    def _labels(self) -> dict[Split | None, NDArray[np.int64]]:
        """For each split the place of each sample's class."""
        if self._options.classes is None:
            return {split: np.searchsorted(self._values, labels) for split, labels in self._raw_labels.items()}
        _ = self._classes  # checks that they fit
        return {split: labels.astype(np.int64) for split, labels in self._raw_labels.items()}

    def _wrong(self, header: ArrayHeader, what: str) -> DataError:
        return DataError(f"data.source: {header} in {self.path} {what}.")
