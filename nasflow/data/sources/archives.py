"""The members of a zip or tar archive, one after the other, without unpacking it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nasflow.data.sources.trees import unreadable
from nasflow.errors import DataError

_DEEPEST = 64
_BLOCK = 1 << 18
_DRIVE = re.compile(r"[A-Za-z]:")
_OPENERS: dict[str, Callable[..., Any]] = {
    ".tar": open,
    **dict.fromkeys((".gz", ".tgz"), gzip.open),
    **dict.fromkeys((".bz2", ".tbz2", ".tbz"), bz2.open),
    **dict.fromkeys((".xz", ".txz"), lzma.open),
}
_BROKEN = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, gzip.BadGzipFile, EOFError),
    *(NotImplementedError, RuntimeError, ValueError),  # zipfile's words for a method or a password it lacks
)


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder in an archive.

    Attributes:
        place: Its number among all members of the archive.
        name: Its path, with `/`, confined: neither absolute nor with `..` in it.
        is_folder: Whether it is a folder.
        size: Its bytes, unpacked.
        read: Returns its first bytes, as many as asked for; only until the next member is taken.
    """

    place: int
    name: str
    is_folder: bool
    size: int
    read: Callable[[int], bytes]


def members(path: Path) -> Iterator[Member]:
    """Yield files and folders in the order in which the archive has them; a tar is read from front to back, once.

    Links, devices, and members whose names lead out of the archive are passed over.

    Raises:
        DataError: The archive cannot be read, or is damaged.
    """
    with _telling(path):
        yield from _zipped(path) if path.suffix.lower() == ".zip" else _tarred(path)


def confined(name: str) -> str | None:
    """Return a member's path without what means nothing in it, or None where it leads out of the archive."""
    parts = [part for part in name.split("/") if part not in {"", "."}]
    leads_out = name.startswith("/") or _DRIVE.match(name) is not None or ".." in parts
    return None if leads_out or len(parts) > _DEEPEST else "/".join(parts)


def _zipped(path: Path) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for place, info in enumerate(archive.infolist()):
            name = confined(info.filename.replace("\\", "/"))
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where another system than Unix packed it
            if not name or kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                continue
            if info.flag_bits & 1:
                raise DataError(f"data.source: {path} is encrypted; unpack it and name the folder.")

            def read(most: int, info: zipfile.ZipInfo = info) -> bytes:
                with _telling(path, info.filename), archive.open(info) as file:
                    return file.read(most)

            yield Member(place, name, info.is_dir(), info.file_size, read)


def _tarred(path: Path) -> Iterator[Member]:
    opener = _OPENERS[path.suffix.lower()]
    with opener(path, "rb") as stream, tarfile.open(fileobj=stream, mode="r|", bufsize=_BLOCK) as archive:
        place = 0
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
            name = confined(info.name)
            if name and (info.isfile() or info.isdir()):

                def read(most: int, info: tarfile.TarInfo = info) -> bytes:
                    with _telling(path, info.name):
                        file = archive.extractfile(info)
                        return file.read(most) if file is not None else b""

                yield Member(place, name, info.isdir(), info.size, read)
            place += 1


@contextmanager
def _telling(path: Path, name: str | None = None) -> Iterator[None]:
    """Say in one sentence what is wrong with an archive."""
    try:
        yield
    except _BROKEN as error:
        at = f" at '{name}'" if name else ""
        cause = str(error).rstrip(".") or type(error).__name__
        raise DataError(
            f"data.source: the archive {path} is damaged{at} ({cause}): get it or pack it again."
        ) from error
    except OSError as error:  # bz2 and gzip say so of what is none of theirs, too
        if error.errno is None:
            raise DataError(
                f"data.source: the archive {path} is damaged ({error}): get it or pack it again."
            ) from error
        raise unreadable(path, error) from error
