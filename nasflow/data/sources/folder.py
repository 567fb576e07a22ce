"""Images in folders, one folder a class; on the disk or in an archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from statistics import median_low
from typing import Any

from nasflow.config import Options
from nasflow.data.protocol import Sample, Summary
from nasflow.data.sources.archive_files import ArchiveFiles
from nasflow.data.sources.headers import spread
from nasflow.data.sources.image_files import FolderFiles, ImageFiles
from nasflow.data.sources.layout import Entry, Layout, read_layout, refuse_no_image_folder
from nasflow.data.sources.names import ARCHIVES, is_archive_name
from nasflow.data.sources.remembering import remembered
from nasflow.data.sources.trees import unreadable
from nasflow.errors import DataError, MissingDataError
from nasflow.plugins import nearest
from nasflow.serving.pixels import FORMATS

_OTHER_ARCHIVES = (".gz", ".bz2", ".xz", ".zst", ".7z", ".rar")


class FolderOptions(Options):
    """Options of the source: none."""


class FolderSource:
    """A folder with one folder of images for each class, or with train, val and test above those; or an archive of one.

    Read are JPEG, PNG, BMP, GIF (its first frame), WebP, TIFF and PPM. Hidden files are ignored; any other file that
    is no image is a broken sample, which preparation names and skips. An archive (.zip, .tar, .tar.gz, .tar.bz2,
    .tar.xz) is read as it is, without unpacking, and gives what its unpacked folder gives.
    """

    Options = FolderOptions

    def __init__(self, argument: str, options: Any, base: Path) -> None:
        """Take the path of the folder or archive, relative to `base` where it is not absolute."""
        self.root = base / Path(argument).expanduser()

    def scan(self) -> Summary:
        """List the files and read the headers of at most 2,000 of them, evenly spaced.

        The size is the median of the short sides, so the common one where all are alike. What an archive holds is
        remembered until it changes, since a compressed one has to be read whole.

        Raises:
            DataError: The folder is missing, not laid out as image folders are, or has no images.
        """
        return self._scan() if isinstance(self._files, FolderFiles) else remembered(self.root, self._scan)

    def samples(self) -> Iterator[Sample]:
        """Yield every file in a class folder: by split, class and name, or in the order of the archive.

        Raises:
            DataError: A file has gone, or may not be read.
        """
        labels = {name: label for label, name in enumerate(self._layout.classes)}
        for entry, content in self._files.contents(self._layout.entries):
            yield Sample(entry.name, labels[entry.class_name], content, content, entry.split)

    def _scan(self) -> Summary:
        layout = self._layout
        counts = Counter(entry.class_name for entry in layout.entries)
        self._refuse_folders_without_images()
        headers = self._files.headers(spread(layout.entries))
        if not headers:
            raise DataError(
                f"{self._files.tree.where()}: none of the files looked at is an image ({', '.join(FORMATS)})."
            )
        return Summary(
            classes=layout.classes,
            counts=tuple(counts[name] for name in layout.classes),
            channels=1 if all(header.grey for header in headers) else 3,
            size=min(max(median_low([header.side for header in headers]), 8), 224),
            splits=layout.splits,
            digest=self._files.digest(layout),
        )

    @cached_property
    def _layout(self) -> Layout:
        return read_layout(self._files.tree)

    @cached_property
    def _files(self) -> ImageFiles:
        if self.root.is_file() and is_archive_name(self.root.name):
            return ArchiveFiles(self.root)
        self._refuse_no_folder()
        return FolderFiles(self.root)

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
            archive = self.root.name.lower().endswith(_OTHER_ARCHIVES)
            raise DataError(
                f"data.source: {self.root} is a file, not a folder: "
                + (
                    f"unpack it and name the folder, or pack it as one of {', '.join(ARCHIVES)}."
                    if archive
                    else "name the folder that holds the class folders."
                )
            )
        what = f"there is no {'archive' if is_archive_name(self.root.name) else 'folder'} {self.root}"
        raise MissingDataError(f"data.source: {what}.{nearest(missing.name, siblings)}")

    def _refuse_folders_without_images(self) -> None:
        """Refuse a class folder in which no file is an image by its name, nor by what its first ten files hold."""
        folders: dict[str, list[Entry]] = {}
        for entry in self._layout.entries:
            depth = 2 if entry.split else 1
            folders.setdefault("/".join(entry.name.split("/")[:depth]), []).append(entry)
        bare = [folder for folder, entries in folders.items() if not self._has_images(entries)]
        if bare:
            where = self._files.tree.where
            refuse_no_image_folder(where(), len(folders) - len(bare), len(folders))
            raise DataError(
                f"class folder {where(bare[0])} holds no images, only files such as "
                f"'{Path(folders[bare[0]][0].name).name}'; add images ({', '.join(FORMATS)}) or remove it."
            )

    def _has_images(self, entries: Sequence[Entry]) -> bool:
        named = any(entry.is_image_by_name for entry in entries)
        return named or bool(self._files.headers(entries[:10]))
