"""A store in a folder of this machine, or of a file system that several machines share."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from nasflow.errors import StorageError
from nasflow.storage import atomic
from nasflow.storage.keys import check_key, legal

if TYPE_CHECKING:
    from filelock import BaseFileLock

NO_DOCUMENTS = ("local", "mlartifacts", "mlflow.db")
"""Names in the root folder that belong to working files and to MLflow; no key starts with one of them."""


class FileStore:
    """Documents as files below a root folder, which comes into being with the first write.

    Every write goes to a temporary file in the same folder, is synced, and then takes its name in one step. Changes
    that depend on what is there (`replace`, and the steps it must not interleave with) are made under a lock file,
    which the system lets go when its holder dies.

    Attributes:
        url: The root folder, absolute.
        root: The same as a path.
    """

    def __init__(self, url: str | Path) -> None:
        self.root = _folder(str(url))
        self.url = str(self.root)
        self._swept: set[Path] = set()

    def get(self, key: str) -> bytes | None:
        """Return the content, or None where there is none.

        Raises:
            StorageError: The folder cannot be read.
        """
        path = self._path(key)
        with self._explained("read", path):
            try:
                return atomic.patiently(path.read_bytes)
            except (FileNotFoundError, IsADirectoryError):
                return None
            except NotADirectoryError:
                self._check_root()
                return None

    def put(self, key: str, content: bytes, *, durable: bool = True) -> None:
        """Write the content, replacing what was there; without `durable` the disk is not waited for.

        Raises:
            StorageError: The folder cannot be written.
        """
        path = self._path(key)
        with self._explained("written", path):
            self._sweep(path.parent)
            with atomic.written_beside(path, content, durable=durable) as temporary, self._lock():
                atomic.move_over(temporary, path, durable=durable)

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write the content unless something is there; return whether it was written. One of several racers wins.

        Raises:
            StorageError: The folder cannot be written.
        """
        path = self._path(key)
        with self._explained("written", path):
            if path.exists():
                return False
            self._sweep(path.parent)
            with atomic.written_beside(path, content) as temporary:
                won = atomic.link_unless_there(temporary, path)
                if won is None:  # no hard links here: look and move under the lock, which all others then take too
                    with self._lock():
                        won = not path.exists()
                        if won:
                            atomic.move_over(temporary, path)
                return won

    def replace(self, key: str, expected: bytes, content: bytes) -> bool:
        """Write the content only where the present one is `expected`; return whether it was written.

        Raises:
            StorageError: The folder cannot be written.
        """
        if self.get(key) != expected:
            return False
        path = self._path(key)
        with self._explained("written", path), atomic.written_beside(path, content) as temporary, self._lock():
            if self.get(key) != expected:
                return False
            atomic.move_over(temporary, path)
            return True

    def delete(self, key: str) -> None:
        """Remove a key; nothing happens where it is not there.

        Raises:
            StorageError: The folder cannot be written.
        """
        path = self._path(key)
        with self._explained("written", path):
            if path.is_file():
                with self._lock():
                    atomic.patiently(lambda: path.unlink(missing_ok=True))
                    atomic.sync_folder(path.parent)

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys that start with a prefix, sorted.

        Raises:
            StorageError: The folder cannot be read.
        """
        folder = check_key(prefix.rpartition("/")[0]) if "/" in prefix else ""
        found: list[str] = []
        with self._explained("read", self.root / folder):
            self._check_root()
            for parent, folders, files in os.walk(self.root / folder, onerror=_raise_unless_gone):
                if Path(parent) == self.root:
                    folders[:] = [name for name in folders if name not in NO_DOCUMENTS]
                    files = [name for name in files if not name.startswith("mlflow.db")]
                place = Path(parent).relative_to(self.root)
                found.extend((place / name).as_posix() for name in files)
        yield from sorted(key for key in found if key.startswith(prefix) and legal(key))

    def local_folder(self) -> Path:
        """Return a folder on this machine for large working files; who writes there makes it."""
        return self.root / "local"

    def check_writable(self) -> None:
        """Find out whether the folder can be made and written, and leave nothing behind.

        Raises:
            StorageError: It cannot.
        """
        with self._explained("written", self.root):
            there = next(path for path in (self.root, *self.root.parents) if path.exists())
            with tempfile.TemporaryDirectory(dir=there, prefix=f"{atomic.MARK}probe.") as probe:
                (Path(probe) / self.root.relative_to(there)).mkdir(parents=True, exist_ok=True)

    def _path(self, key: str) -> Path:
        first = check_key(key).partition("/")[0]
        if first in NO_DOCUMENTS:
            raise StorageError(f"'{first}' in a store is no place for documents; choose another key than '{key}'.")
        return self.root / key

    def _lock(self) -> BaseFileLock:
        from filelock import FileLock

        return FileLock(self.root / f"{atomic.MARK}lock", poll_interval=0.002)

    def _sweep(self, folder: Path) -> None:
        if folder not in self._swept:
            self._swept.add(folder)
            atomic.remove_leftovers(folder)

    def _check_root(self) -> None:
        if self.root.exists() and not self.root.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.root))

    @contextmanager
    def _explained(self, action: str, path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(self._sentence(action, path, error)) from error

    def _sentence(self, action: str, path: Path, error: OSError) -> str:
        cannot = f"the store '{self.url}' cannot be {action}"
        match error.errno:
            case errno.EACCES | errno.EPERM | errno.EROFS:
                why = "read-only file system" if error.errno == errno.EROFS else "permission denied"
                return f"{cannot}: {why} at '{path}'; change that, or choose another storage.url."
            case errno.ENOSPC | errno.EDQUOT:
                return f"{cannot}: the disk is full; free some space and run the same command again, nothing is lost."
            case errno.ENOTDIR | errno.EEXIST | errno.EISDIR:
                blocking = next((p for p in (*reversed(path.parents), path) if p.exists() and not p.is_dir()), path)
                what = "a folder where a file" if blocking.is_dir() else "a file where a folder"
                return f"{cannot}: '{blocking}' is {what} is needed; move it away, or choose another storage.url."
            case _:
                return f"{cannot}: {error.strerror or error} at '{path}'."


def _folder(url: str) -> Path:
    if url.lower().startswith("file://"):
        parts = urlsplit(url)
        if parts.netloc not in ("", "localhost"):
            raise StorageError(f"storage.url '{url}' names the host '{parts.netloc}'; write 'file:///' and a path.")
        url = unquote(parts.path)
    if not url.strip() or "\0" in url:
        raise StorageError("storage.url is empty; name a folder, such as 'nasflow-store'.")
    return Path(url).expanduser().resolve()


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error
