"""Image files in a zip or tar archive, read as those of a folder are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from nasflow.data.sources.archives import Member, members
from nasflow.data.sources.headers import PEEK, Header, header
from nasflow.data.sources.layout import Entry, Layout, split_named
from nasflow.data.sources.names import is_hidden, is_image_name
from nasflow.data.sources.remembering import stamp
from nasflow.data.sources.trees import File, ListedTree, Tree
from nasflow.errors import DataError

_MOST_BYTES = 1 << 28
"""A file in an archive of more bytes is no photograph."""

_MOST_BYTES_UNNAMED = 1 << 24
"""The same for one whose name is not that of an image."""


class _Listed(NamedTuple):
    """A file in the archive: its place among the members, its size, and its header, where that was read."""

    place: int
    size: int
    header: Header | None


class ArchiveFiles:
    """Files in an archive: listed in one pass through it and read in another, never unpacked to the disk.

    The headers of images in a tar are read while it is listed, since to go back in a compressed one is to start over; a
    zip is asked for those that are wanted. Single folders around everything else, as archives often have them, are
    passed over. Of members with the same name the last one counts, as it would when unpacked.
    """

    def __init__(self, path: Path) -> None:
        """Take the archive."""
        self.path = path

    @cached_property
    def tree(self) -> Tree:
        """Folders and files by their names, below the single folder where there is one.

        Raises:
            DataError: The archive cannot be read.
        """
        top = self._top
        files = [File(name.removeprefix(top), f.size, 0) for name, f in self._files.items() if name.startswith(top)]
        folders = [name.removeprefix(top) for name in self._folders if name.startswith(top)]
        return ListedTree(f"{self.path}/{top}".rstrip("/"), files, folders)

    def headers(self, entries: Sequence[Entry]) -> list[Header]:
        """Return what those files say of themselves that are images, in the order of the archive or of the entries.

        Raises:
            DataError: The archive is damaged.
        """
        if self._is_zip:
            wanted = {self._listed_as(entry).place for entry in entries}
            found = [_header(member) for member in members(self.path) if member.place in wanted]
        else:
            found = [self._listed_as(entry).header for entry in entries]
        return [one for one in found if one is not None]

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Yield files with their content in the order of the archive.

        Raises:
            DataError: The archive is damaged.
        """
        wanted = {self._listed_as(entry).place: entry for entry in entries}
        for member in members(self.path):
            if member.place in wanted:
                yield wanted[member.place], _content(member)

    def digest(self, layout: Layout) -> str:
        """Return a hash of the archive's size and of the time of its last change."""
        return stamp(self.path)

    @property
    def _is_zip(self) -> bool:
        return self.path.suffix.lower() == ".zip"

    def _listed_as(self, entry: Entry) -> _Listed:
        return self._files[self._top + entry.name]

    @cached_property
    def _top(self) -> str:
        """The single folder around everything, with `/`, or nothing; several where each has but the next in it."""
        listed = ListedTree("", (File(name, 0, 0) for name in self._files), self._folders)
        top = ""
        while True:
            folders, files = listed.visible(top.rstrip("/"))
            single = len(folders) == 1 and not split_named(folders[0]) and not any(map(is_image_name, files))
            if not single or not listed.visible(top + folders[0])[0]:
                return top
            top += f"{folders[0]}/"

    @property
    def _files(self) -> dict[str, _Listed]:
        return self._contents_table[0]

    @property
    def _folders(self) -> list[str]:
        return self._contents_table[1]

    @cached_property
    def _contents_table(self) -> tuple[dict[str, _Listed], list[str]]:
        files: dict[str, _Listed] = {}
        folders: list[str] = []
        hidden = ""
        for member in members(self.path):
            if any(map(is_hidden, member.name.split("/"))):
                hidden = member.name
                continue
            if member.is_folder:
                folders.append(member.name)
            else:
                files[member.name] = _Listed(member.place, member.size, None if self._is_zip else _header(member))
        if hidden and not files:
            raise DataError(f"data.source: the archive {self.path} holds only hidden files, '{hidden}' for one.")
        return files, folders


def _header(member: Member) -> Header | None:
    return header(member.read(member.size)) if _may_be_image(member) else None


def _content(member: Member) -> bytes:
    if not _may_be_image(member):
        return member.read(PEEK)
    content = member.read(member.size)
    return content if is_image_name(member.name) or header(content) else content[:PEEK]


def _may_be_image(member: Member) -> bool:
    return member.size <= (_MOST_BYTES if is_image_name(member.name) else _MOST_BYTES_UNNAMED)
