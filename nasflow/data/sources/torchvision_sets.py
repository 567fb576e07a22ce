"""Data sets that torchvision downloads, verifies and reads."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from nasflow.caching import cache_folder
from nasflow.config import Options
from nasflow.data.protocol import Sample, Split, Summary
from nasflow.data.sources.remembering import stamp
from nasflow.data.sources.torchvision_facts import KNOWN, Known
from nasflow.errors import DataError
from nasflow.ids import digest
from nasflow.plugins import nearest

_SPLITS: tuple[Split, ...] = ("train", "test")
_IDX_HEAD = 8
"""Bytes before the labels in an IDX file: a magic number, and how many there are."""

_UNREADABLE = (
    *(RuntimeError, ValueError, TypeError, KeyError, IndexError, AssertionError, EOFError),
    *(pickle.UnpicklingError, zlib.error),
)
"""What torchvision raises on files that are missing, damaged or of another format."""


class TorchvisionOptions(Options):
    """Options of the source."""

    root: str | None = None
    """Folder of the downloads, as torchvision's own `root`; relative paths start at the folder of the configuration
    file. By default `nasflow/torchvision` in the user's cache (`~/.cache`)."""

    download: bool = True
    """Whether files that are missing are downloaded."""


class TorchvisionSource:
    """`torchvision:CIFAR10`, and CIFAR100, MNIST, FashionMNIST, SVHN and STL10 (its labelled images).

    The published splits train and test stand; val is cut from train. torchvision compares the files of CIFAR10,
    CIFAR100, SVHN and STL10 with their published checksums whenever it reads them, so nothing else is ever unpickled,
    and what they hold is known beforehand. Those of MNIST and FashionMNIST it compares when it downloads them; later
    they may be others in the same format, and their labels are counted.
    """

    Options = TorchvisionOptions

    def __init__(self, argument: str, options: TorchvisionOptions, base: Path) -> None:
        """Take the name of the data set, in any case of letters.

        Raises:
            DataError: There is no such data set here.
        """
        names = {name.lower(): name for name in KNOWN}
        if argument.strip().lower() not in names:
            raise DataError(
                f"data.source: 'torchvision:{argument}' is unknown; there are {', '.join(KNOWN)}."
                f"{nearest(argument, KNOWN)}"
            )
        self.name = names[argument.strip().lower()]
        self.root = cache_folder() / "torchvision" if options.root is None else base / Path(options.root).expanduser()
        self._download = options.download

    def scan(self) -> Summary:
        """Return what is known of the data; nothing is downloaded, and torchvision is not imported.

        The digest is that of the published data, whether they are there yet or not, but where files of labels are there
        and say otherwise.
        """
        counted = self._counted()
        known = self._known
        return Summary(
            classes=known.classes,
            counts=known.counts if counted is None else tuple(map(sum, zip(*counted, strict=True))),
            channels=known.channels,
            size=known.size,
            splits=_SPLITS,
            digest=self._digest(published=counted is None or counted == (known.train, known.test)),
        )

    def samples(self) -> Iterator[Sample]:
        """Yield the training images, then those of the test split, in the order of the files.

        One split is in memory at a time, as torchvision reads it: at most 0.3 GB.

        Raises:
            DataError: The data cannot be downloaded or read.
        """
        for split in _SPLITS:
            data = self._read(split)
            for number in range(len(data)):
                picture, label = data[number]
                image = np.asarray(picture)
                yield Sample(f"{split} {number}", int(label), image.tobytes(), image, split)

    def needs_download(self) -> bool:
        """Whether torchvision would fetch or unpack files; where they are there it reads them all to find out."""
        if not self._download:
            return False
        try:
            for split in _SPLITS:
                self._opened(split, download=False)
        except (OSError, *_UNREADABLE) as error:
            return isinstance(error, RuntimeError)
        return False

    @property
    def _known(self) -> Known:
        return KNOWN[self.name]

    @property
    def _folder(self) -> Path:
        return self.root / self._known.folder

    def _counted(self) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Return the images of each class in train and test where files of labels tell, or None."""
        files = [self._folder / name for name in self._known.labels]
        if not files or not all(file.is_file() for file in files):
            return None
        train, test = (self._count(file) for file in files)
        return train, test

    def _count(self, file: Path) -> tuple[int, ...]:
        labels = np.frombuffer(file.read_bytes()[_IDX_HEAD:], np.uint8)
        classes = len(self._known.classes)
        if labels.size == 0 or labels.max() >= classes:
            raise DataError(
                f"data.source: {file} is no file of labels from 0 to {classes - 1}; delete {self._folder}, and "
                f"{self.name} is downloaded again."
            )
        return tuple(np.bincount(labels, minlength=classes).tolist())

    def _digest(self, *, published: bool) -> str:
        if published:
            return digest(["torchvision", self.name])
        return digest(["torchvision", self.name, *(stamp(path) for path in sorted(self._folder.glob("*-ubyte")))])

    def _read(self, split: Split) -> Sequence[tuple[Any, int]]:
        """Return a split as torchvision reads it, downloaded where it is not there.

        Raises:
            DataError: It cannot be.
        """
        try:
            try:
                return self._opened(split, download=False)
            except RuntimeError:  # a file is missing, or is not what its checksum says
                if not self._download:
                    raise
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / f".{self.name}.lock"):  # two processes must not download at once
                return self._opened(split, download=True)
        except OSError as error:  # a network that is away is one, too
            raise self._unavailable("cannot be had", str(error.strerror or error)) from error
        except _UNREADABLE as error:
            cause = " ".join(str(error).split()).partition(" You can use download=True")[0]
            raise self._unavailable("cannot be read", cause.rstrip(".") or type(error).__name__) from error

    def _opened(self, split: Split, *, download: bool) -> Sequence[tuple[Any, int]]:
        from torchvision import datasets

        which = {"train": split == "train"} if self._known.split_option == "train" else {"split": split}
        data: Sequence[tuple[Any, int]] = getattr(datasets, self.name)(self.root, download=download, **which)
        return data

    def _unavailable(self, what: str, cause: str) -> DataError:
        files = ", ".join(self._known.files)
        advice = (
            f"see that the network can be reached, or put {files} there by hand; remove damaged files."
            if self._download
            else f"set data.options.download to true, or unpack {files} there."
        )
        return DataError(
            f"data.source: torchvision:{self.name} {what} ({cause}); it was looked for in {self._folder}: {advice}"
        )
