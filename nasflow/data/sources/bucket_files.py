"""Image files in a bucket, read as those of a folder are; what was read is kept in the user's cache."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from nasflow.data.sources.bucket_cache import BucketCache
from nasflow.data.sources.headers import PEEK, Header, header
from nasflow.data.sources.layout import Entry, Layout
from nasflow.data.sources.names import is_image_name
from nasflow.data.sources.trees import File, ListedTree, Tree
from nasflow.errors import DataError
from nasflow.ids import digest
from nasflow.storage.patience import in_background
from nasflow.storage.s3.bucket import Listed

THREADS = 32
"""Files fetched at the same time: a request waits for the network most of its time."""

AHEAD_BYTES = 1 << 28
"""Bytes of files that are fetched before they are asked for; a larger file is fetched alone."""

_HEAD_BYTES = 1 << 16
"""Bytes that hold the header of nearly every image."""

_MOST_BYTES = 1 << 28
"""A file of more bytes is no photograph."""

R = TypeVar("R")


class BucketFiles:
    """Files below a prefix of a bucket, fetched by several threads.

    Args:
        cache: The bucket, and where its files are kept on this machine.
        where: What the place is called in messages, as the configuration has it.
    """

    def __init__(self, cache: BucketCache, where: str) -> None:
        self._cache = cache
        self._where = where

    @cached_property
    def tree(self) -> Tree:
        """Folders and files by their names.

        Raises:
            StorageError: The bucket cannot be listed.
        """
        return ListedTree(self._where, (File(name, each.size, 0) for name, each in self.listed.items()))

    @cached_property
    def listed(self) -> dict[str, Listed]:
        """What is in the bucket, by its name below the prefix.

        Raises:
            DataError: There is nothing, or a name is no path.
            StorageError: The bucket cannot be listed.
        """
        below = self._cache.address.named("")
        found = {
            self._below(each.name, below): each
            for each in self._cache.bucket.listed(below)
            if not each.name.endswith("/")  # what stands for a folder
        }
        if not found:
            raise DataError(f"data.source: there is nothing at {self._where}; correct the URL, or upload the data.")
        return found

    def headers(self, entries: Sequence[Entry]) -> list[Header]:
        """Return what those files say of themselves that are images; of each the first bytes are fetched.

        Raises:
            StorageError: The bucket cannot be read.
        """
        return [found for found in self._ahead(self._header, entries) if found is not None]

    def contents(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes]]:
        """Yield files with their content in the order given.

        Raises:
            DataError: A file has changed since it was listed.
            StorageError: The bucket cannot be read.
        """
        yield from zip(entries, self._ahead(self._content, entries), strict=True)

    def digest(self, layout: Layout) -> str:
        """Return a hash of the names of all files and of what the server calls their contents."""
        return digest([layout.splits, [[entry.name, self.listed[entry.name].etag] for entry in layout.entries]])

    def wanted(self) -> bool:
        """Whether a file is not in the cache."""
        return any(self._cache.kept(each) is None for each in self.listed.values())

    def _header(self, entry: Entry) -> Header | None:
        each = self.listed[entry.name]
        kept = self._cache.kept_content(each) if each.size <= _MOST_BYTES else None
        if kept is not None:
            return header(kept)
        found = header(self._cache.part(each, _HEAD_BYTES))
        if found is None and is_image_name(entry.name) and each.size > _HEAD_BYTES:
            return header(self._content(entry))  # TIFF has its header where it likes
        return found

    def _content(self, entry: Entry) -> bytes:
        each = self.listed[entry.name]
        if each.size > _MOST_BYTES:
            return self._cache.part(each, PEEK)
        content = self._cache.content(each)
        return content if is_image_name(entry.name) or header(content) else content[:PEEK]

    def _ahead(self, action: Callable[[Entry], R], entries: Sequence[Entry]) -> Iterator[R]:
        """Do something for each entry in several threads, and yield what comes of it in the entries' order.

        Whoever stops asking, as by Ctrl-C, waits for none of them.
        """
        running: deque[tuple[Future[R], int]] = deque()
        held = 0
        for entry in entries:
            size = min(self.listed[entry.name].size, _MOST_BYTES)
            while running and (len(running) >= THREADS or held + size > AHEAD_BYTES):
                future, freed = running.popleft()
                yield future.result()
                held -= freed
            running.append((in_background(partial(action, entry)), size))
            held += size
        for future, _ in running:
            yield future.result()

    def _below(self, name: str, prefix: str) -> str:
        """Return what stands behind the prefix, which a path of this machine could be made of.

        Raises:
            DataError: It leads elsewhere, or to nothing.
        """
        below = name.removeprefix(prefix)
        if not name.startswith(prefix) or {"", ".", ".."} & set(below.split("/")):
            raise DataError(
                f"data.source: the name '{name}' in bucket '{self._cache.address.bucket}' is no path, for it has '..', "
                "'.' or nothing between two slashes; rename it, or remove it."
            )
        return below


def kept_file(cache: BucketCache, where: str) -> Path:
    """Return a single file of a bucket on this machine, fetched where it is not kept yet.

    Raises:
        DataError: There is no such file, or it has changed while it was fetched.
        StorageError: The bucket cannot be read.
    """
    return cache.file(only(cache, where))


def only(cache: BucketCache, where: str) -> Listed:
    """Return what the bucket has under exactly the prefix.

    Raises:
        DataError: There is nothing.
        StorageError: The bucket cannot be listed.
    """
    name = cache.address.prefix
    for each in cache.bucket.listed(name):
        if each.name == name:
            return each
    raise DataError(f"data.source: there is no file {where}; correct the URL, or upload it.")
