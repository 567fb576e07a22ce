"""The prepared data: a folder that is checked, memory-mapped and never changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasflow.data.protocol import SPLITS, Split
from nasflow.errors import IntegrityError
from nasflow.ids import digest

DOCUMENT = "bundle.json"
SCHEMA_VERSION = 2


@dataclass(frozen=True)
class DataBundle:
    """Images of one size in three splits, with what is known of them.

    Rows of a split are ordered by the hash of their content, so that the first rows are a random sample of it and a
    file's name or place changes nothing.

    Attributes:
        root: The folder.
        classes: Names of the classes, in the order of their labels.
        channels: 1 (grey) or 3 (RGB).
        size: Height and width of an image in pixels.
        counts: Samples in each split.
        class_counts: For each split, the samples of each class.
        mean: Mean of each channel over the training images, in [0, 255].
        std: Standard deviation of each channel over the training images, at least 1, on the same scale.
        meta: Meta-features: numbers that say what kind of data this is.
        fingerprint: Hash of contents, labels, splits, size and channels.
        skipped: Unreadable samples by name, with the reason.
        dropped: For `train` and `val`, how many samples were left out because their content is in a later split.
        given: The splits that the source gave; the others were cut by hash.
    """

    root: Path
    classes: tuple[str, ...]
    channels: int
    size: int
    counts: Mapping[Split, int]
    class_counts: Mapping[Split, tuple[int, ...]]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    meta: Mapping[str, float]
    fingerprint: str
    skipped: Mapping[str, str] = field(repr=False)
    dropped: Mapping[Split, int]
    given: tuple[Split, ...] = ()

    def images(self, split: Split) -> NDArray[np.uint8]:
        """Return the images of a split, memory-mapped and read-only: uint8 (N, size, size, channels).

        Raises:
            IntegrityError: The file is missing or is no array.
        """
        return self._array(images_file(split))

    def targets(self, split: Split) -> NDArray[np.int64]:
        """Return the labels of a split: int64 (N,).

        Raises:
            IntegrityError: The file is missing or is no array.
        """
        return np.array(self._array(targets_file(split)))

    def names(self, split: Split) -> list[str]:
        """Return where each sample of a split came from, as its source names it.

        Raises:
            IntegrityError: The file is missing or damaged.
        """
        return self._samples(split, "names")

    def keys(self, split: Split) -> list[str]:
        """Return the hash of the content of each sample of a split.

        Raises:
            IntegrityError: The file is missing or damaged.
        """
        return self._samples(split, "keys")

    @classmethod
    def open(cls, root: Path, verify: bool = True) -> DataBundle:
        """Open a prepared folder.

        Args:
            root: The folder.
            verify: Whether to read every file and compare its checksum; else only that it is there, with its length.

        Raises:
            IntegrityError: Something is missing or altered; the text names it.
        """
        document = _read_document(root)
        for name, stated in document["files"].items():
            _check_file(root / name, stated, verify)
        return cls(
            root=root,
            classes=tuple(document["classes"]),
            channels=document["channels"],
            size=document["size"],
            counts={split: sum(document["class_counts"][split]) for split in SPLITS},
            class_counts={split: tuple(document["class_counts"][split]) for split in SPLITS},
            mean=tuple(document["mean"]),
            std=tuple(document["std"]),
            meta=document["meta"],
            fingerprint=document["fingerprint"],
            skipped=document["skipped"],
            dropped=document["dropped"],
            given=tuple(document["given"]),
        )

    def _array(self, name: str) -> NDArray[Any]:
        try:
            array: NDArray[Any] = np.load(self.root / name, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError) as error:
            raise IntegrityError(f"prepared data {self.root}: {name} cannot be read ({error}); {REMEDY}") from error
        return array

    def _samples(self, split: Split, part: str) -> list[str]:
        name = samples_file(split)
        try:
            values = json.loads((self.root / name).read_text(encoding="utf-8"))[part]
        except (OSError, ValueError, KeyError) as error:
            raise IntegrityError(f"prepared data {self.root}: {name} cannot be read ({error}); {REMEDY}") from error
        return [str(value) for value in values]


REMEDY = "delete the folder and prepare the data again."


def images_file(split: Split) -> str:
    """Return the name of the file of a split's images."""
    return f"{split}_images.npy"


def targets_file(split: Split) -> str:
    """Return the name of the file of a split's labels."""
    return f"{split}_targets.npy"


def samples_file(split: Split) -> str:
    """Return the name of the file of a split's sample names and content hashes."""
    return f"{split}_samples.json"


def checksum(path: Path) -> str:
    """Return BLAKE2b (256 bits, hexadecimal) of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


def write_document(root: Path, document: Mapping[str, Any]) -> None:
    """Write `bundle.json`, with the checksum of every other file in the folder and of itself.

    Args:
        root: The folder, all its other files written.
        document: Everything but `schema_version`, `files` and `checksum`.
    """
    files = {
        path.name: {"bytes": path.stat().st_size, "blake2b": checksum(path)}
        for path in sorted(root.iterdir())
        if path.name != DOCUMENT
    }
    whole = {"schema_version": SCHEMA_VERSION, **document, "files": files}
    text = json.dumps({**whole, "checksum": digest(whole, 64)}, indent=1, ensure_ascii=False)
    (root / DOCUMENT).write_text(text + "\n", encoding="utf-8")


def _read_document(root: Path) -> dict[str, Any]:
    path = root / DOCUMENT
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        stated = document.pop("checksum")
        intact = digest(document, 64) == stated
    except FileNotFoundError as error:
        raise IntegrityError(f"prepared data {root}: {DOCUMENT} is missing; {REMEDY}") from error
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise IntegrityError(f"prepared data {root}: {DOCUMENT} is damaged ({error}); {REMEDY}") from error
    if not intact:
        raise IntegrityError(f"prepared data {root}: {DOCUMENT} was altered; {REMEDY}")
    if document["schema_version"] != SCHEMA_VERSION:
        raise IntegrityError(
            f"prepared data {root} has schema version {document['schema_version']}, "
            f"this nasflow reads {SCHEMA_VERSION}; {REMEDY}"
        )
    return document


def _check_file(path: Path, stated: Mapping[str, Any], verify: bool) -> None:
    if not path.is_file():
        raise IntegrityError(f"prepared data {path.parent}: {path.name} is missing; {REMEDY}")
    if path.stat().st_size != stated["bytes"] or (verify and checksum(path) != stated["blake2b"]):
        raise IntegrityError(f"prepared data {path.parent}: {path.name} is truncated or altered; {REMEDY}")
