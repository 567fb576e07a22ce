"""What reads the files of an image folder, and the reader of those on the disk."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from nasflow.data.sources.headers import PEEK, Header, header
from nasflow.data.sources.layout import Entry, Layout
from nasflow.data.sources.trees import FolderTree, Tree, unreadable


class ImageFiles(Protocol):
    """Where the files of an image folder are."""

    @property
    def tree(self) -> Tree:
        """Folders and files by their names."""
        ...

    def headers(self, entries: Sequence[Entry]) -> list[Header]:
        """Return what those files say of themselves that are images.

        Raises:
            DataError: A file may not be read.
        """
        ...

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Yield files with their content, of what is no image only the first bytes, in a stable order.

        Raises:
            DataError: A file cannot be read.
        """
        ...

    def digest(self, layout: Layout) -> str:
        """Return what changes when the files do."""
        ...


class FolderFiles:
    """Files in a folder on the disk."""

    def __init__(self, root: Path) -> None:
        """Take the folder."""
        self.root = root
        self.tree = FolderTree(root)

    def headers(self, entries: Sequence[Entry]) -> list[Header]:
        """Return what those files say of themselves that are images.

        Raises:
            DataError: A file may not be read.
        """
        return [found for entry in entries if (found := header(self.tree.path(entry.name)))]

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Yield files with their content in the order given.

        Raises:
            DataError: A file has gone, or may not be read.
        """
        for entry in entries:
            yield entry, self._content(entry)

    def digest(self, layout: Layout) -> str:
        """Return a hash of the names, sizes and times of all files."""
        state = hashlib.blake2b(repr(layout.splits).encode(), digest_size=16)
        for entry in layout.entries:
            state.update(f"{entry.name}\0{entry.bytes}\0{entry.changed}\n".encode("utf-8", "surrogateescape"))
        return state.hexdigest()

    def _content(self, entry: Entry) -> bytes:
        path = self.tree.path(entry.name)
        try:
            if entry.is_image_by_name or header(path):
                return path.read_bytes()
            with path.open("rb") as file:
                return file.read(PEEK)
        except OSError as error:
            raise unreadable(path, error) from error
