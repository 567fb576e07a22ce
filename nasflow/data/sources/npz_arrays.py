"""Arrays in an .npz file, read a few rows at a time and without unpickling anything."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from nasflow.data.sources.archives import refuse_bomb
from nasflow.data.sources.trees import unreadable
from nasflow.errors import DataError

_BLOCK_BYTES = 4 << 20
_SUFFIX = ".npy"


@dataclass(frozen=True)
class ArrayHeader:
    """What an array says of itself.

    Attributes:
        name: Its name in the file.
        shape: Its shape.
        dtype: Its type.
        fortran: Whether the first index runs fastest, so that a row is scattered over the file.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran: bool

    def __str__(self) -> str:
        """Return name, type and shape, for messages."""
        return f"{self.name} ({self.dtype} {self.shape})"


class NpzFile:
    """The arrays of an .npz file; it is opened anew for each thing asked of it."""

    def __init__(self, path: Path) -> None:
        """Take the file."""
        self.path = path

    def headers(self) -> dict[str, ArrayHeader]:
        """Return what all arrays say of themselves, by their names.

        Raises:
            DataError: The file cannot be read.
        """
        with self._open() as archive:
            names = [name.removesuffix(_SUFFIX) for name in archive.namelist() if name.endswith(_SUFFIX)]
            found = {}
            for name in names:
                with archive.open(name + _SUFFIX) as file:
                    found[name] = _header(name, file)
        return found

    def rows(self, name: str) -> Iterator[NDArray[Any]]:
        """Yield an array's rows in blocks of some megabytes: each (n, ...), n at least 1, of the array's type.

        Raises:
            DataError: The array cannot be read in rows, or the file is damaged.
        """
        with self._open() as archive, archive.open(name + _SUFFIX) as file:
            header = _header(name, file)
            if header.dtype.hasobject:
                raise DataError(
                    f"data.source: {header} in {self.path} holds Python objects, which would have to be unpickled; "
                    "save it as an array of numbers."
                )
            if header.fortran and len(header.shape) > 1:
                raise DataError(
                    f"data.source: {header} in {self.path} is stored column by column; save np.ascontiguousarray of it."
                )
            shape = header.shape[1:]
            width = header.dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            left = header.shape[0]
            step = max(1, _BLOCK_BYTES // max(1, width))
            while left:
                count = min(step, left)
                content = _exactly(file, count * width)
                yield np.frombuffer(content, header.dtype).reshape(count, *shape)
                left -= count

    def whole(self, name: str) -> NDArray[Any]:
        """Return a whole array, which is to be small.

        Raises:
            DataError: It cannot be read.
        """
        blocks = list(self.rows(name))
        header = self.headers()[name]
        return np.concatenate(blocks) if blocks else np.empty(header.shape, header.dtype)

    @contextmanager
    def _open(self) -> Iterator[zipfile.ZipFile]:
        """Open the file, and say in one sentence what is wrong with it."""
        try:
            with zipfile.ZipFile(self.path) as archive:
                refuse_bomb(self.path, sum(info.file_size for info in archive.infolist()))
                yield archive
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            cause = str(error).rstrip(".") or type(error).__name__
            raise DataError(f"data.source: {self.path} is no whole .npz file ({cause}): save it again.") from error
        except OSError as error:
            raise unreadable(self.path, error) from error


def _header(name: str, file: IO[bytes]) -> ArrayHeader:
    version = npy.read_magic(file)
    if version not in {(1, 0), (2, 0)}:
        raise ValueError(f"array {name} has the format version {version[0]}.{version[1]}")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran, dtype = read(file)
    return ArrayHeader(name, shape, dtype, fortran)


def _exactly(file: IO[bytes], count: int) -> bytes:
    content = file.read(count)
    if len(content) != count:
        raise EOFError("an array ends early")
    return content
