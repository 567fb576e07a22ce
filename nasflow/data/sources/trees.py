"""Folders and files by their names: of a folder on the disk, or of an archive."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from nasflow.data.sources.names import is_hidden, is_image_name, readable
from nasflow.errors import DataError


class File(NamedTuple):
    """A file in a tree.

    Attributes:
        name: Its path below the root, with `/`.
        bytes: Its size.
        changed: Time of its last change in nanoseconds; 0 in an archive, which has a time of its own.
    """

    name: str
    bytes: int
    changed: int


class Tree(Protocol):
    """What can be asked of folders and files without opening a file; hidden ones are not there."""

    def where(self, name: str = "") -> str:
        """Return the place of a folder or file, for messages; without a name that of the root."""
        ...

    def visible(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the names of folders and of files in a folder, sorted.

        Raises:
            DataError: The folder cannot be read.
        """
        ...

    def below(self, folder: str) -> Iterator[File]:
        """Yield the files in a folder and in those below it.

        Raises:
            DataError: One of them cannot be read.
        """
        ...

    def may_hold_images(self, folder: str) -> bool:
        """Whether a file below a folder is named as images are, or something there cannot be read."""
        ...


class FolderTree:
    """A folder on the disk; links are followed, but not in circles.

    Names that are not UTF-8 are given as `readable` reads them.
    """

    def __init__(self, root: Path) -> None:
        """Take the folder."""
        self.root = root
        self._odd: dict[str, str] = {}  # paths as the disk has them, by what is read, where that differs

    def where(self, name: str = "") -> str:
        """Return a path."""
        return readable(str(self.root / name))

    def path(self, name: str) -> Path:
        """Return the path, as the disk has it, of a folder or file that this tree has named."""
        return self.root / self._odd.get(name, name)

    def visible(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the names of folders and of files, sorted.

        Raises:
            DataError: The folder cannot be read.
        """
        folders: list[str] = []
        files: list[str] = []
        try:
            with os.scandir(self.path(folder)) as entries:
                for entry in entries:
                    if not is_hidden(entry.name):
                        name = self._named(folder, entry.name).rpartition("/")[2]
                        (folders if entry.is_dir() else files).append(name)
        except OSError as error:
            raise unreadable(self.path(folder), error) from error
        return sorted(folders), sorted(files)

    def below(self, folder: str) -> Iterator[File]:
        """Yield the files in a folder and in those below it.

        Raises:
            DataError: One of them cannot be read.
        """
        yield from self._walk(folder, frozenset())

    def may_hold_images(self, folder: str) -> bool:
        """Whether a file below a folder is named as images are, or something there cannot be read."""
        failures: list[OSError] = []
        walk = os.walk(self.path(folder), onerror=failures.append)
        return any(is_image_name(name) for _, _, names in walk for name in names) or bool(failures)

    def _walk(self, folder: str, above: frozenset[str]) -> Iterator[File]:
        path = self.path(folder)
        real = os.path.realpath(path)
        if real in above:  # a link to a folder that it is in
            return
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if is_hidden(entry.name):
                        continue
                    name = self._named(folder, entry.name)
                    if entry.is_dir():
                        yield from self._walk(name, above | {real})
                        continue
                    stat = entry.stat()
                    yield File(name, stat.st_size, stat.st_mtime_ns)
        except OSError as error:
            raise unreadable(Path(error.filename or path), error) from error

    def _named(self, folder: str, entry: str) -> str:
        """Return the path of an entry of a folder as it is read, and keep what the disk calls it.

        Raises:
            DataError: Another entry has that name.
        """
        below = f"{folder}/" if folder else ""
        name = below + readable(entry)
        if name != below + entry and os.path.lexists(self.path(folder) / readable(entry)):
            raise DataError(
                f"{self.where(name)} is there twice, once with a name that is not UTF-8; rename one of them."
            )
        if folder in self._odd or name != below + entry:
            self._odd[name] = f"{self._odd.get(folder, folder)}/{entry}" if folder else entry
        return name


class ListedTree:
    """Folders and files that are known by a list, as those of an archive are."""

    def __init__(self, root: str, files: Iterable[File], folders: Iterable[str] = ()) -> None:
        """Take what the root is called in messages, all files, and folders, which may be empty ones."""
        self.root = root
        self._folders: dict[str, dict[str, None]] = {"": {}}
        self._files: dict[str, list[File]] = {}
        for folder in folders:
            if not _is_out_of_sight(folder):
                self._add_folder(folder)
        for file in files:
            if not _is_out_of_sight(file.name):
                parent = file.name.rpartition("/")[0]
                self._add_folder(parent)
                self._files.setdefault(parent, []).append(file)

    def where(self, name: str = "") -> str:
        """Return a path that begins with the name of the archive."""
        return f"{self.root}/{name}" if name else self.root

    def visible(self, folder: str) -> tuple[list[str], list[str]]:
        """Return the names of folders and of files, sorted."""
        files = sorted(file.name.rpartition("/")[2] for file in self._files.get(folder, ()))
        return sorted(self._folders.get(folder, ())), files

    def below(self, folder: str) -> Iterator[File]:
        """Yield the files in a folder and in those below it."""
        yield from self._files.get(folder, ())
        for name in self._folders.get(folder, ()):
            yield from self.below(f"{folder}/{name}" if folder else name)

    def may_hold_images(self, folder: str) -> bool:
        """Whether a file below a folder is named as images are."""
        return any(is_image_name(file.name) for file in self.below(folder))

    def _add_folder(self, folder: str) -> None:
        if folder in self._folders:
            return
        parent, _, name = folder.rpartition("/")
        self._add_folder(parent)
        self._folders[parent][name] = None
        self._folders[folder] = {}


def unreadable(path: Path, error: OSError) -> DataError:
    """Return the error for a file or folder that the system does not let us read."""
    hint = f": allow it with `chmod -R u+rX {path}`" if isinstance(error, PermissionError) else "; run again"
    return DataError(f"{path} cannot be read ({error.strerror or error}){hint}.")


def _is_out_of_sight(name: str) -> bool:
    return any(is_hidden(part) for part in name.split("/"))
