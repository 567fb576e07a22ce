"""What a store offers: documents by key, written atomically."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class Store(Protocol):
    """Bytes by key. Keys are relative POSIX paths of letters, digits and `._-` (no `..`, nothing absolute).

    A write is durable when the call returns, unless the caller can do without, and a reader sees the old content or the
    new, never a part. All methods raise `StorageError` where the storage cannot be reached or used. Opening a
    store writes nothing.
    """

    url: str
    """Where the store is, as the configuration would name it."""

    def get(self, key: str) -> bytes | None:
        """Return the content, or None where there is none.

        Raises:
            IntegrityError: The content is not what was written.
        """
        ...

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Write the content, replacing what was there.

        Without `durable` it outlives the death of any process, but perhaps not that of the machine, after which the old
        content may be there again, or what `get` refuses or a reader finds damaged.
        """
        ...

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write the content unless something is there; return whether it was written. One of several racers wins."""
        ...

    def replace(self, key: str, expected: bytes, content: bytes) -> bool:
        """Write the content only where the present one is `expected`; return whether it was written."""
        ...

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens where it is not there."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with a prefix, sorted."""
        ...

    def local_folder(self) -> Path:
        """Return a folder on this machine for large working files (prepared data, KFP's artifacts), kept between runs.

        It need not be there: who writes makes it.
        """
        ...

    def check_writable(self) -> None:
        """Find out whether a search could write here, soon and leaving nothing behind."""
        ...
