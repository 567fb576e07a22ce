"""Files of a bucket kept on this machine, each under what the server calls its content."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from nasflow.caching import cache_folder
from nasflow.errors import DataError
from nasflow.ids import digest
from nasflow.storage.s3.address import Address
from nasflow.storage.s3.bucket import Bucket, Listed

_CHUNK = 1 << 24
"""Bytes of a large file that are fetched at once; a fetch that breaks goes on after the last whole chunk."""


class BucketCache:
    """Files of one bucket in the user's cache.

    A file is kept under a hash of its place and of its ETag, so another content is another file, and no name of the
    bucket becomes a path here.

    Args:
        address: The bucket.
    """

    def __init__(self, address: Address) -> None:
        self.address = address

    @cached_property
    def bucket(self) -> Bucket:
        """The bucket.

        Raises:
            StorageError: There are no credentials for it.
        """
        return Bucket(self.address)

    def kept(self, each: Listed) -> Path | None:
        """Return where a file is kept, or None where it is not."""
        path = self._path(each)
        try:
            return path if path.stat().st_size == each.size else None
        except OSError:
            return None

    def part(self, each: Listed, count: int) -> bytes:
        """Return the first bytes of a file; nothing is kept.

        Raises:
            DataError: It has changed since it was listed.
            StorageError: The bucket cannot be read.
        """
        return self._read(each, 0, min(count, each.size))

    def content(self, each: Listed) -> bytes:
        """Return a file's content, and keep it.

        Raises:
            DataError: It has changed since it was listed.
            StorageError: The bucket cannot be read.
        """
        path = self.kept(each)
        if path is not None:
            with suppress(OSError):
                return path.read_bytes()
        content = self._read(each, 0, each.size)
        with suppress(OSError):  # a cache that cannot be written is none
            self._keep(self._path(each), content)
        return content

    def file(self, each: Listed) -> Path:
        """Return where a file is kept, after fetching what of it was not fetched yet.

        Raises:
            DataError: It has changed since it was listed, or cannot be kept here.
            StorageError: The bucket cannot be read.
        """
        path = self._path(each)
        beside = path.with_name("~part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name("~lock")):
                if self.kept(each) is None:
                    self._fetch(each, beside)
                    beside.replace(path)
        except OSError as error:
            raise DataError(
                f"the data cannot be kept in '{path.parent}' ({error.strerror or error}); free some space there, or "
                "name another folder in NASFLOW_CACHE."
            ) from error
        return path

    def _fetch(self, each: Listed, beside: Path) -> None:
        with beside.open("ab") as file:
            file.truncate(min(file.tell(), each.size) // _CHUNK * _CHUNK)
            file.seek(0, os.SEEK_END)
            while file.tell() < each.size:
                file.write(self._read(each, file.tell(), min(_CHUNK, each.size - file.tell())))
                file.flush()
            os.fsync(file.fileno())

    def _read(self, each: Listed, start: int, count: int) -> bytes:
        if count == 0:
            return b""
        content = self.bucket.read(each.name, each.etag, start, count)
        if content is None or len(content) != count:
            raise DataError(
                f"'{each.name}' in bucket '{self.address.bucket}' has changed while the data were read; run again."
            )
        return content

    def _keep(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"~{secrets.token_hex(4)}")
        try:
            temporary.write_bytes(content)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)

    def _path(self, each: Listed) -> Path:
        """Return where a file belongs: in a folder of its own, under a name that messages may show."""
        place = digest([self.address.server, self.address.bucket, each.name, each.etag], 32)
        name = re.sub(r"[^A-Za-z0-9._-]", "_", each.name.rpartition("/")[2])[-100:].lstrip(".") or "file"
        return cache_folder() / "objects" / place[:2] / place / name
