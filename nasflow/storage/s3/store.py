"""The store in a bucket."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from nasflow.caching import cache_folder
from nasflow.errors import IntegrityError, StorageError
from nasflow.ids import digest
from nasflow.storage.keys import check_key, legal
from nasflow.storage.patience import at_most
from nasflow.storage.s3.address import parse

if TYPE_CHECKING:
    from nasflow.storage.s3.bucket import Bucket, Thing


class S3Store:
    """Documents as objects of a bucket, whose names are the prefix and the keys.

    Each carries the SHA-256 of its content, which every read compares. Conditional writes are the server's own
    (`If-None-Match`, `If-Match`), which MinIO, AWS and Ceph have. What is written is durable where the server says so.

    Args:
        url: `s3://bucket/prefix`, with options as `nasflow.storage.s3.address.parse` knows them.

    Attributes:
        url: The same.

    Raises:
        StorageError: The URL cannot be read.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._address = parse(url)

    @cached_property
    def _bucket(self) -> Bucket:
        from nasflow.storage.s3.bucket import Bucket

        return Bucket(self._address)

    def get(self, key: str) -> bytes | None:
        """Return the content, or None where there is none.

        Raises:
            IntegrityError: It was cut or altered, or nasflow did not write it.
            StorageError: The bucket cannot be read.
        """
        thing = self._thing(key)
        return None if thing is None else thing.content

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Write the content, replacing what was there; the server says when it is durable.

        Raises:
            StorageError: The bucket cannot be written.
        """
        self._bucket.put(self._name(key), content)

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write the content unless something is there; return whether it was written. One of several racers wins.

        Raises:
            StorageError: The bucket cannot be written.
        """
        return self._bucket.put_where(self._name(key), content, etag=None)

    def replace(self, key: str, expected: bytes, content: bytes) -> bool:
        """Write the content only where the present one is `expected`; return whether it was written.

        Raises:
            StorageError: The bucket cannot be written.
        """
        thing = self._thing(key)
        if thing is None or thing.content != expected:
            return False
        return self._bucket.put_where(self._name(key), content, etag=thing.etag)

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens where it is not there.

        Raises:
            StorageError: The bucket cannot be written.
        """
        self._bucket.delete(self._name(key))

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with a prefix, sorted.

        Raises:
            StorageError: The bucket cannot be read.
        """
        if "/" in prefix:
            check_key(prefix.rpartition("/")[0])
        start = len(self._address.named(""))
        for each in self._bucket.listed(self._address.named(prefix)):
            if legal(each.name[start:]):
                yield each.name[start:]

    def local_folder(self) -> Path:
        """Return a folder on this machine for large working files; who writes there makes it.

        It is in the user's cache, which `NASFLOW_CACHE` may move.
        """
        place = [self._address.server, self._address.bucket, self._address.prefix]
        return cache_folder() / "stores" / digest(place)

    def check_writable(self) -> None:
        """Find out whether the bucket can be written and knows conditional writes, and leave nothing behind.

        Raises:
            StorageError: It cannot, or does not.
        """
        from nasflow.storage.s3.bucket import Bucket

        bucket = Bucket(self._address)
        name = self._address.named(f"~probe.{secrets.token_hex(8)}")
        try:
            bucket.put(name, b"probe")
            there = bucket.get(name)
            conditional = not bucket.put_where(name, b"other", etag=None)
        except StorageError:
            with suppress(StorageError), at_most(1.0):  # of a server that is away nothing more is to be had
                bucket.delete(name)
            raise
        bucket.delete(name)
        if there is None or there.content != b"probe" or there.checksum is None:
            raise StorageError(
                f"what {self._address.server} gives back is not what was written to it, with its checksum beside it; "
                "is that an S3 server?"
            )
        if not conditional:
            raise StorageError(
                f"the S3 server {self._address.server} knows no conditional writes (If-None-Match), without which two "
                "searches could overwrite each other; use MinIO, AWS, or a newer release of the server."
            )

    def _thing(self, key: str) -> Thing | None:
        thing = self._bucket.get(self._name(key))
        if thing is not None and thing.checksum is None:
            raise IntegrityError(
                f"the stored object '{key}' in '{self.url}' has no checksum, so nasflow did not write it; "
                "move it away, or choose another prefix."
            )
        return thing

    def _name(self, key: str) -> str:
        return self._address.named(check_key(key))
