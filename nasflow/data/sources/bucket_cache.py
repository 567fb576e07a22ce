"""Files of a bucket kept on this machine, each under what the server calls its content."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from nasflow.caching import cache_folder
from nasflow.errors import DataError
from nasflow.ids import digest
from nasflow.storage.atomic import move_over, written_beside
from nasflow.storage.s3.address import Address
from nasflow.storage.s3.bucket import Bucket, Listed

_CHUNK = 1 << 22
"""Bytes that are fetched at once, so that a slow line has time for them, and that have a checksum each; a fetch that
breaks goes on after the last of them that is whole."""

_SUMS = "~sums"
"""Beside each file, the checksums of its chunks, a line each."""


class BucketCache:
    """Files of one bucket in the user's cache.

    A file is kept under a hash of its place and of its ETag, so another content is another file, and no name of the
    bucket becomes a path here. Checksums beside it, which each read compares, tell whether it is still what was
    fetched; where it is not, it is fetched again.

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
        """Return where a file of that size is kept, or None where none is; what is in it shows when it is read."""
        path = self._path(each)
        try:
            return path if path.stat().st_size == each.size and path.with_name(_SUMS).is_file() else None
        except OSError:
            return None

    def kept_content(self, each: Listed) -> bytes | None:
        """Return a file's content where it is kept as it was fetched, or None."""
        path = self.kept(each)
        if path is not None:
            with suppress(OSError):
                content = path.read_bytes()
                if _sums(_chunks(content)) == _known_sums(path):
                    return content
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
        content = self.kept_content(each)
        if content is None:
            content = b"".join(self._read(each, start, _CHUNK) for start in range(0, each.size, _CHUNK))
            with suppress(OSError):  # a cache that cannot be written is none
                self._keep(self._path(each), content)
        return content

    def file(self, each: Listed) -> Path:
        """Return where a file is kept, after fetching what of it was not fetched yet, or was damaged since.

        Raises:
            DataError: It has changed since it was listed, or cannot be kept here.
            StorageError: The bucket cannot be read.
        """
        path = self._path(each)
        beside = path.with_name("~part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_name("~lock")):
                if self.kept(each) is None or _whole_bytes(path) != each.size:
                    path.unlink(missing_ok=True)
                    self._fetch(each, beside)
                    move_over(beside, path)
        except OSError as error:
            raise DataError(
                f"the data cannot be kept in '{path.parent}' ({error.strerror or error}); free some space there, or "
                "name another folder in NASFLOW_CACHE."
            ) from error
        return path

    def _fetch(self, each: Listed, beside: Path) -> None:
        """Fetch a file; each chunk is on the disk before its checksum is."""
        whole = _whole_bytes(beside)
        known = _known_sums(beside)[: -(-whole // _CHUNK)]
        with beside.open("ab") as file, beside.with_name(_SUMS).open("w", encoding="ascii") as sums:
            file.truncate(whole)
            sums.writelines(f"{line}\n" for line in known)
            for start in range(whole, each.size, _CHUNK):
                chunk = self._read(each, start, _CHUNK)
                file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
                sums.writelines(f"{line}\n" for line in _sums([chunk]))
                sums.flush()

    def _read(self, each: Listed, start: int, count: int) -> bytes:
        count = min(count, each.size - start)
        if count <= 0:
            return b""
        content = self.bucket.read(each.name, each.etag, start, count)
        if content is None or len(content) != count:
            raise DataError(
                f"'{each.name}' in bucket '{self.address.bucket}' has changed while the data were read; run again."
            )
        return content

    def _keep(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        sums = path.with_name(_SUMS)
        for place, what in ((sums, "\n".join(_sums(_chunks(content))).encode()), (path, content)):
            with written_beside(place, what, durable=place == path) as temporary:
                move_over(temporary, place, durable=False)

    def _path(self, each: Listed) -> Path:
        """Return where a file belongs: in a folder of its own, under a name that messages may show."""
        place = digest([self.address.server, self.address.bucket, each.name, each.etag], 32)
        name = re.sub(r"[^A-Za-z0-9._-]", "_", each.name.rpartition("/")[2])[-100:].lstrip(".") or "file"
        return cache_folder() / "objects" / place[:2] / place / name


def _chunks(content: bytes) -> Iterator[bytes]:
    return (content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK))


def _sums(chunks: Iterable[bytes]) -> list[str]:
    return [hashlib.sha256(chunk).hexdigest() for chunk in chunks]


def _known_sums(path: Path) -> list[str]:
    with suppress(OSError, ValueError):
        return path.with_name(_SUMS).read_text(encoding="ascii").split()
    return []


def _whole_bytes(path: Path) -> int:
    """Return how many bytes from the start of a file are as they were fetched."""
    whole = 0
    with suppress(OSError), path.open("rb") as file:
        for known in _known_sums(path):
            chunk = file.read(_CHUNK)
            if _sums([chunk]) != [known]:
                break
            whole += len(chunk)
    return whole
