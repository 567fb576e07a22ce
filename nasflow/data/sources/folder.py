"""Images in folders, one folder a class."""

from __future__ import annotations

import hashlib
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from statistics import median_low
from typing import Any

from PIL import Image

from nasflow.config import Options
from nasflow.data.protocol import Sample, Summary
from nasflow.data.sources.layout import Entry, Layout, read_layout, refuse_no_image_folder, unreadable
from nasflow.errors import DataError
from nasflow.plugins import nearest
from nasflow.serving.pixels import FORMATS, GREY_MODES

_LOOKED_AT = 2000
_PEEK = 64
"""Bytes kept of a file that is no image: enough to tell two apart, and no film is read whole."""

_ARCHIVES = (".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar")


class FolderOptions(Options):
    """Options of the source: none."""


class FolderSource:
    """A folder with one folder of images for each class; or with train, val and test above those.

    Read are JPEG, PNG, BMP, GIF (its first frame), WebP, TIFF and PPM. Hidden files are ignored; any other file that
    is no image is a broken sample, which preparation names and skips.
    """

    Options = FolderOptions

    def __init__(self, argument: str, options: Any, base: Path) -> None:
        """Take the path of the folder, relative to `base` where it is not absolute."""
        self.root = base / Path(argument).expanduser()

    def scan(self) -> Summary:
        """List the files and read the headers of at most 2,000 of them, evenly spaced.

        The size is the median of the short sides, so the common one where all are alike.

        Raises:
            DataError: The folder is missing, not laid out as image folders are, or has no images.
        """
        layout = self._layout
        counts = Counter(entry.class_name for entry in layout.entries)
        self._refuse_folders_without_images()
        headers = [header for entry in _spread(layout.entries) if (header := _header(self.root / entry.name))]
        if not headers:
            raise DataError(f"{self.root}: none of the files looked at is an image ({', '.join(FORMATS)}).")
        return Summary(
            classes=layout.classes,
            counts=tuple(counts[name] for name in layout.classes),
            channels=1 if all(grey for _, grey in headers) else 3,
            size=min(max(median_low([side for side, _ in headers]), 8), 224),
            splits=layout.splits,
            digest=_digest(layout),
        )

    def samples(self) -> Iterator[Sample]:
        """Yield every file in a class folder, by split, class and name.

        Raises:
            DataError: A file has gone, or may not be read.
        """
        labels = {name: label for label, name in enumerate(self._layout.classes)}
        for entry in self._layout.entries:
            content = self._content(entry)
            yield Sample(entry.name, labels[entry.class_name], content, content, entry.split)

    def _content(self, entry: Entry) -> bytes:
        path = self.root / entry.name
        try:
            if entry.is_image_by_name or _header(path):
                return path.read_bytes()
            with path.open("rb") as file:
                return file.read(_PEEK)
        except OSError as error:
            raise unreadable(path, error) from error

    @cached_property
    def _layout(self) -> Layout:
        self._refuse_no_folder()
        return read_layout(self.root)

    def _refuse_no_folder(self) -> None:
        if self.root.is_dir():
            return
        try:
            is_file = self.root.is_file()
            missing = next(path for path in [self.root, *self.root.parents] if path.parent.is_dir())
            siblings = sorted(path.name for path in missing.parent.iterdir())
        except OSError as error:
            raise unreadable(Path(error.filename or self.root), error) from error
        if is_file:
            archive = self.root.name.lower().endswith(_ARCHIVES)
            raise DataError(
                f"data.source: {self.root} is a file, not a folder: "
                + ("unpack it and name the folder." if archive else "name the folder that holds the class folders.")
            )
        what = f"there is no folder {self.root}"
        raise DataError(f"data.source: {what}.{nearest(missing.name, siblings)}")

    def _refuse_folders_without_images(self) -> None:
        """Refuse a class folder in which no file is an image by its name, nor by what its first ten files hold."""
        folders: dict[str, list[Entry]] = {}
        for entry in self._layout.entries:
            depth = 2 if entry.split else 1
            folders.setdefault("/".join(entry.name.split("/")[:depth]), []).append(entry)
        bare = [folder for folder, entries in folders.items() if not self._has_images(entries)]
        if bare:
            refuse_no_image_folder(self.root, len(folders) - len(bare), len(folders))
            raise DataError(
                f"class folder {self.root / bare[0]} holds no images, only files such as "
                f"'{Path(folders[bare[0]][0].name).name}'; add images ({', '.join(FORMATS)}) or remove it."
            )

    def _has_images(self, entries: Sequence[Entry]) -> bool:
        named = any(entry.is_image_by_name for entry in entries)
        return named or any(_header(self.root / entry.name) for entry in entries[:10])


def _spread(entries: Sequence[Entry]) -> list[Entry]:
    """Return at most `_LOOKED_AT` entries, evenly spaced."""
    if len(entries) <= _LOOKED_AT:
        return list(entries)
    return [entries[place * len(entries) // _LOOKED_AT] for place in range(_LOOKED_AT)]


def _header(path: Path) -> tuple[int, bool] | None:
    """Return the shorter side in pixels and whether the image is grey, or None for what is no image."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # preparation speaks of odd images, by name
            with Image.open(path, formats=FORMATS) as picture:
                return min(picture.size), picture.mode in GREY_MODES or _has_grey_palette(picture)
    except PermissionError as error:
        raise unreadable(path, error) from error
    except Exception:  # Pillow raises many kinds of exception on damaged files; preparation names them
        return None


def _has_grey_palette(picture: Image.Image) -> bool:
    if picture.mode != "P":
        return False
    palette = picture.getpalette() or []
    return palette[0::3] == palette[1::3] == palette[2::3]


def _digest(layout: Layout) -> str:
    state = hashlib.blake2b(repr(layout.splits).encode(), digest_size=16)
    for entry in layout.entries:
        state.update(f"{entry.name}\0{entry.bytes}\0{entry.changed}\n".encode("utf-8", "surrogateescape"))
    return state.hexdigest()
