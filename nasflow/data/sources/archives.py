"""The members of a zip or tar archive, one after the other, without unpacking it."""

from __future__ import annotations

import bz2
import gzip
import lzma
import posixpath
import re
import stat
import tarfile
import zipfile
import zlib
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
_LONGEST_NAME = 1 << 16
_MOST_TIMES = 200
"""An archive that unpacks to more than so many times its own size is no archive of images, which hardly shrink ..."""
_BOMB_BYTES = 1 << 30
"""... unless that is still little."""
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

    Links to other members are passed over. An archive with a member that has no place in it is refused: a name or a
    link that leads out of it, or a device. So is one that unpacks to a vast multiple of its size. Names that are not
    UTF-8 are read as `readable` does, in a zip as code page 437, which its format prescribes.

    Raises:
        DataError: The archive cannot be read, is damaged or cut short, is refused, or holds only what is passed over.
    """
    links = files = 0
    with _telling(path):
        for member in _zipped(path) if path.suffix.lower() == ".zip" else _tarred(path):
            if member is None:
                links += 1
                continue
            files += not member.is_folder
            yield member
    if links and not files:
        raise DataError(
            f"data.source: the archive {path} holds no file, but {links:,} links to other members; pack the files "
            f"themselves, from the folder that holds the class folders."
        )


def confined(name: str) -> str | None:
    """Return a member's path without what means nothing in it, or None where it leads out of the archive.

    That is so with `..` in it, also where it would come back, and where it starts at the root of a disk.
    """
    parts = [part for part in name.split("/") if part not in {"", "."}]
    leads_out = name.startswith("/") or _DRIVE.match(name) is not None or ".." in parts
    return None if leads_out or len(parts) > _DEEPEST else "/".join(parts)


def refuse_bomb(path: Path, unpacked: int) -> None:
    """Refuse an archive that unpacks to a vast multiple of its size, of which the disk or the memory would be full.

    Args:
        path: The archive.
        unpacked: Bytes that it unpacks to, or has unpacked to so far.

    Raises:
        DataError: It does.
    """
    if unpacked > max(_BOMB_BYTES, _MOST_TIMES * path.stat().st_size):
        raise DataError(
            f"data.source: {path} unpacks to more than {_MOST_TIMES} times its size ({unpacked / 2**30:.1f} GiB or "
            f"more): no images shrink like that; unpack it yourself and name the folder, if you trust it."
        )


def _inside(path: Path, name: str) -> str:
    """Return the confined name of a member.

    Raises:
        DataError: It leads out of the archive.
    """
    found = confined(name)
    if found is None:
        raise _refused(path, name, "has a name that leads out of it, or is nested too deeply")
    return found


def _check_link(path: Path, name: str, target: str, base: str) -> None:
    """Refuse a link to something outside of the archive.

    Args:
        path: The archive.
        name: The link.
        target: What it names.
        base: Folder in the archive that the target starts at.

    Raises:
        DataError: It leads out.
    """
    place = posixpath.normpath(posixpath.join(base, target.replace("\\", "/")))
    if target.startswith("/") or place == ".." or place.startswith("../") or _DRIVE.match(target):
        raise _refused(path, name, f"is a link that leads out of it, to {target[:200]!r}")


def _refused(path: Path, name: str, why: str) -> DataError:
    return DataError(
        f"data.source: the archive {path} is refused, since its member {name[:200]!r} {why}: pack the files "
        f"themselves, from the folder that holds the class folders."
    )


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

    def _proc_member(self, tarfile: tarfile.TarFile) -> Any:
        """Take in a header; those that hold a name or the like would be read into memory, however long."""
        named = self.type in (b"L", b"K", b"x", b"g", b"X")
        if named and self.size > _LONGEST_NAME:
            raise ValueError(f"a name of {self.size:,} bytes")
        return super()._proc_member(tarfile)  # type: ignore[misc]


class _Tar(tarfile.TarFile):
    """A tar that knows how it ended: tarfile takes everything that is no header for the end."""

    tarinfo = _Header
    ending: HeaderError | None = None


class _Counted:
    """A stream that refuses to unpack without end.

    Args:
        path: The archive.
        stream: What it unpacks to.
    """

    def __init__(self, path: Path, stream: Any) -> None:
        self._path, self._stream = path, stream
        self._read = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes, at most so many."""
        content: bytes = self._stream.read(size)
        self._read += len(content)
        refuse_bomb(self._path, self._read)
        return content


def _zipped(path: Path) -> Iterator[Member | None]:
    """Yield the members of a zip, and None for a link."""
    with zipfile.ZipFile(path) as archive:
        refuse_bomb(path, sum(info.file_size for info in archive.infolist()))
        for place, info in enumerate(archive.infolist()):
            name = _inside(path, _zip_name(info).replace("\\", "/"))
            kind = stat.S_IFMT(info.external_attr >> 16)  # 0 where another system than Unix packed it
            if kind == stat.S_IFLNK:
                with _telling(path, info.filename), archive.open(info) as file:
                    target = file.read(_LONGEST_NAME).decode(errors="replace")
                _check_link(path, name, target, posixpath.dirname(name))
                yield None
                continue
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise _refused(path, name, "is a device")
            if not name:  # the top of the archive itself
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


def _tarred(path: Path) -> Iterator[Member | None]:
    """Yield the members of a tar, and None for a link."""
    opener = _OPENERS[path.suffix.lower()]
    with opener(path, "rb") as stream, _opened_tar(_Counted(path, stream)) as archive:
        place = 0
        while (info := archive.next()) is not None:
            archive.members.clear()  # type: ignore[attr-defined]  # tarfile keeps all that it has seen
            name = _inside(path, readable(info.name))
            if name and (info.isfile() or info.isdir()):

                def read(most: int, info: tarfile.TarInfo = info) -> bytes:
                    with _telling(path, readable(info.name)):
                        file = archive.extractfile(info)
                        return file.read(most) if file is not None else b""

                yield Member(place, name, info.isdir(), info.size, read)
            elif info.issym() or info.islnk():  # a hard link is named from the top
                _check_link(path, name, readable(info.linkname), posixpath.dirname(name) if info.issym() else "")
                yield None
            elif not info.isdir():
                raise _refused(path, name, "is a device")
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
    except (OverflowError, MemoryError, RecursionError, *_BROKEN) as error:
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
