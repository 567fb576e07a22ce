"""What a data source offers, and the samples it yields."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from nasflow.config import Options

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True)
class Summary:
    """What a source holds, found without reading it all.

    Attributes:
        classes: Names of the classes, in the order of their labels.
        counts: Samples of each class, over all splits.
        channels: 1 where every sample looked at is grey, else 3.
        size: Height and width in pixels that suits the samples, in [8, 224].
        splits: The splits that the source itself gives; empty where nasflow cuts them.
        digest: Changes when the source does; cheap (names, sizes and times of files, not contents).
    """

    classes: tuple[str, ...]
    counts: tuple[int, ...]
    channels: int
    size: int
    splits: tuple[Split, ...]
    digest: str


@dataclass(frozen=True)
class Sample:
    """One sample as the source has it.

    Attributes:
        name: Where it came from, for people: a path below the source, or a number.
        label: Place of its class in `Summary.classes`.
        content: The bytes whose hash decides its split: the file, or the raw array.
        image: The encoded file, or a uint8 array of shape (H, W) or (H, W, C).
        split: The split that the source puts it in, or None.
        group: Samples of one group share a split; None stands for a group of its own.
    """

    name: str
    label: int
    content: bytes
    image: bytes | NDArray[np.uint8]
    split: Split | None = None
    group: str | None = None


class DataShape(Protocol):
    """What a network has to know of the data; a `Summary` and a `DataBundle` both tell."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of their labels."""
        ...

    @property
    def channels(self) -> int:
        """1 (grey) or 3 (RGB)."""
        ...

    @property
    def size(self) -> int:
        """Height and width in pixels at which samples are stored."""
        ...


class Source(Protocol):
    """A place that samples come from.

    One that fetches its samples from elsewhere before it yields the first may have a method `needs_download`, too; see
    `Downloading`. It is no part of every source.
    """

    Options: ClassVar[type[Options]]
    """Model of `data.options`."""

    def __init__(self, argument: str, options: Any, base: Path) -> None:
        """Take what stands behind the colon, validated options, and the folder that relative paths start at."""
        ...

    def scan(self) -> Summary:
        """Look at the source without reading it all.

        Raises:
            DataError: There is nothing here to learn from.
        """
        ...

    def samples(self) -> Iterator[Sample]:
        """Yield every sample in a stable order, one in memory at a time.

        Raises:
            DataError: The source cannot be read.
        """
        ...


@runtime_checkable
class Downloading(Protocol):
    """What a source may offer besides, where its data come over a network."""

    def needs_download(self) -> bool:
        """Whether `samples` would begin with a download; nothing is fetched or written to find out, nor raised."""
        ...


def needs_download(source: Source) -> bool:
    """Whether reading samples would begin with a download; never, for a source that does not say so."""
    return isinstance(source, Downloading) and source.needs_download()
