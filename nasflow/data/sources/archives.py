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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tarfile import HeaderError
from typing import Any, Self

from nasflow.data.sources.names import readable
from nasflow.data.sources.trees import unreadable
from nasflow.errors import DataError

_DEEPEST = 64
_BLOCK = 1 << 18
_UTF8_NAME = 0x800
_OUTSIDE = ("has a name that leads out of the archive", "have names that lead out of the archive")
_SPECIAL = ("is a link or a device", "are links or devices")
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
        name: Its path in legible letters, with `/`, confined: neither absolute nor with `..` in it.
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

    Links, devices, and members whose names lead out of the archive are passed over. Names that are not UTF-8 are read
    as `readable` does, in a zip as code page 437, which its format prescribes.

    Raises:
        DataError: The archive cannot be read, is damaged or cut short, or holds only what is passed over.
    """
    passed: Counter[tuple[str, str]] = Counter()
    with _telling(path):
        files = 0
        for member in _zipped(path, passed) if path.suffix.lower() == ".zip" else _tarred(path, passed):
            files += not member.is_folder
            yield member
    if passed and not files:
        reasons = ", ".join(f"{count:,} {words[count > 1]}" for words, count in passed.items())
        raise DataError(
            f"data.source: the archive {path} holds no file that can be read without unpacking; of its members "
            f"{reasons}: pack the files themselves, from the folder that holds the class folders."
        )


def confined(name: str) -> str | None:
    """Return a member's path without what means nothing in it, or None where it leads out of the archive.

    A path from the root of the disk becomes one from the top of the archive, as tar and unzip unpack it.
    """
    parts = [part for part in name.split("/") if part not in {"", "."}]
    leads_out = _DRIVE.match(name) is not None or ".." in parts
    return None if leads_out or len(parts) > _DEEPEST else "/".join(parts)


class _Header(tarfile.TarInfo):
    """A member of a tar; tells the archive why there is no other one."""

    @classmethod
    def fromtarfile(cls, tarfile: tarfile.TarFile) -> Self:
        """Read the next header, and keep the reason where there is none."""
        try:
            return super().fromtarfile(tarfile)
        except HeaderError as error:
            if isinstance(tarfile, _Tar):
                tarfile.ending = error
            raise


class _Tar(tarfile.TarFile):
    """A tar that knows how it ended: tarfile takes everything that is no header for the end."""

    tarinfo = _Header
    ending: HeaderError | None = None


def _zipped(path: Path, passed: Counter[tuple[str, str]]) -> Iterator[Member]:
    with zipfile.ZipFile(path) as archive:
        for place, info in enumerate(archive.infolist()):
            name = confined(_zip_name(info).replace("\\", "/"))
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where another system than Unix packed it
            if not name or kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                _pass_over(name, passed)
                continue
            if info.flag_bits & 1:
                raise DataError(f"data.source: {path} is encrypted; unpack it and name the folder.")

            def read(most: int, info: zipfile.ZipInfo = info) -> bytes:
                with _telling(path, info.filename), archive.open(info) as file:
                    return file.read(most)

            yield Member(place, name, info.is_dir(), info.file_size, read)


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return a member's name, UTF-8 also where it is that without saying so, as macOS packs it."""
    if info.flag_bits & _UTF8_NAME:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _pass_over(name: str | None, passed: Counter[tuple[str, str]]) -> None:
    if name != "":  # which is the top of the archive itself
        passed[_OUTSIDE if name is None else _SPECIAL] += 1


def _tarred(path: Path, passed: Counter[tuple[str, str]]) -> Iterator[Member]:
    opener = _OPENERS[path.suffix.lower()]
    with opener(path, "rb") as stream, _opened_tar(stream) as archive:
        place = 0
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
            name = confined(readable(info.name))
            if name and (info.isfile() or info.isdir()):

                def read(most: int, info: tarfile.TarInfo = info) -> bytes:
                    with _telling(path, readable(info.name)):
                        file = archive.extractfile(info)
                        return file.read(most) if file is not None else b""

                yield Member(place, name, info.isdir(), info.size, read)
            else:
                _pass_over(name, passed)
            place += 1
        _refuse_cut(path, archive, place)


def _opened_tar(stream: Any) -> _Tar:
    return _Tar.open(fileobj=stream, mode="r|", bufsize=_BLOCK, encoding="utf-8", errors="surrogateescape")


def _refuse_cut(path: Path, archive: _Tar, count: int) -> None:
    """Refuse a tar whose last member is not followed by a block of zeros.

    The format asks for two; one is enough here, since some programs write no more and nothing can be lost after it.

    Raises:
        DataError: The archive ends, or goes on with something else.
    """
    if archive.ending is None or type(archive.ending).__name__ == "EOFHeaderError":
        return
    is_whole_block = type(archive.ending).__name__ == "InvalidHeaderError"
    what = f"is damaged after byte {archive.offset:,}" if is_whole_block else "is cut short"
    raise DataError(
        f"data.source: the archive {path} {what} (no mark of its end follows its {count:,} members): get it or pack it "
        "again."
    )


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
